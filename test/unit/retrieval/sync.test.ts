import { mkdtempSync, rmSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openVectorStore } from "../../../src/adapters/sqlite/vector-store.ts";
import { SluiceError } from "../../../src/errors.ts";
import { silentLog } from "../../../src/log.ts";
import {
  index,
  lexical,
  markdownDocument,
  memoryVectorStore,
  searchIndex,
  sync,
  type Documents,
  type Embedder,
  type IndexOptions,
  type VectorStore,
} from "../../../src/retrieval/index.ts";
import { syncIndex } from "../../../src/retrieval/sync.ts";

type Texts = Readonly<Record<string, string>>;

function documentsOf(texts: Texts, onRead: (id: string) => void = () => {}): Documents {
  return {
    kind: "sluice.documents",
    description: {},
    list: async function* () {
      for (const [id, text] of Object.entries(texts))
        yield { id, hash: text, read: () => (onRead(id), markdownDocument(id, text)) };
    },
  };
}

/** `lexical()`, keeping what it was asked, and failing where told. */
function watched(options: { id?: string; batch?: number; fails?: (text: string) => unknown } = {}) {
  const texts: string[] = [];
  const real = lexical();
  const embedder: Embedder = {
    id: options.id ?? real.id,
    batch: options.batch ?? 256,
    embed: async (batch, signal) => {
      for (const text of batch) {
        const error = options.fails?.(text);
        if (error) throw error;
      }
      texts.push(...batch);
      return real.embed(batch, signal);
    },
  };
  return { embedder, texts };
}

const context = (fence = 1, signal = new AbortController().signal) => ({ folder: ".", fence, signal, log: silentLog });
const run = (store: VectorStore, texts: Texts, options: Partial<IndexOptions> = {}, fence?: number) =>
  syncIndex(index("docs", { documents: documentsOf(texts), ...options }), store, context(fence));
const page = (...sections: string[]) =>
  `# Guide\n\n${sections.map((text, position) => `## Part ${position}\n\n${text} ${"and so on ".repeat(80)}`).join("\n\n")}\n`;
const documentsFor = async (store: VectorStore, query: string) =>
  (await searchIndex(store, query, { limit: 100 })).map((hit) => hit.document);

let folder: string;
let path: string;
let store: VectorStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-sync-"));
  path = join(folder, "docs.db");
  store = openVectorStore(path);
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("sync", () => {
  it("is a step that reports documents and chunks, and makes them found", async () => {
    const docs = index("docs", { documents: documentsOf({ "a.md": page("apple", "plum"), "b.md": "Cherry." }) });
    const spec = sync(docs);
    expect(spec).toMatchObject({
      kind: "sync",
      inputs: {},
      config: { index: "docs", embedder: "lexical-1", maxCharacters: 1500 },
    });
    const opened: string[] = [];
    const result = await spec.execute(context() as never, { vectors: async (name) => (opened.push(name), store) });
    expect(opened).toEqual(["docs"]);
    expect(result).toEqual({
      output: {
        documents: { added: 2, changed: 0, unchanged: 0, removed: 0 },
        chunks: { embedded: 3, reused: 0, removed: 0, total: 3 },
        writes: expect.any(Number),
      },
      rows: { in: 2, out: 2, duplicate: 0, quarantined: 0 },
      assets: ["index.docs"],
    });
    const [hit] = await searchIndex(store, "any plums?");
    expect(hit).toMatchObject({ document: "a.md", title: "Guide", heading: ["Guide", "Part 1"] });
    expect(page("apple", "plum").slice(hit!.start, hit!.end)).toBe(hit!.text);
  });

  it("embeds nothing, reads nothing and writes nothing when nothing has changed", async () => {
    const texts = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`${at}.md`, page(`apple${at}`, "plum")]));
    await run(store, texts);
    const other = new DatabaseSync(path);
    const version = () => (other.prepare("PRAGMA data_version").get() as { data_version: number }).data_version;
    const before = [version(), statSync(path).mtimeMs, statSync(`${path}-wal`).size];
    const { embedder, texts: asked } = watched();
    const read: string[] = [];
    const report = await syncIndex(
      index("docs", { documents: documentsOf(texts, (id) => read.push(id)), embedder }),
      store,
      context(2),
    );
    expect([version(), statSync(path).mtimeMs, statSync(`${path}-wal`).size]).toEqual(before);
    other.close();
    expect({ asked, read }).toEqual({ asked: [], read: [] });
    expect(report).toEqual({
      documents: { added: 0, changed: 0, unchanged: 20, removed: 0 },
      chunks: { embedded: 0, reused: 40, removed: 0, total: 40 },
      writes: 0,
    });
  });

  it("embeds only the chunks whose text or headings changed, wherever the others moved", async () => {
    await run(store, { "a.md": page("apple", "plum", "cherry") });
    const { embedder, texts: asked } = watched();
    const edited = page("apple", "plum", "cherry").replace("\n## Part 1", "\nAn inserted line.\n\n## Part 1");
    const report = await run(store, { "a.md": edited }, { embedder });
    expect(asked).toHaveLength(1);
    expect(asked[0]).toContain("An inserted line");
    expect(report.chunks).toEqual({ embedded: 1, reused: 2, removed: 1, total: 3 });
    const [hit] = await searchIndex(store, "cherry");
    expect(edited.slice(hit!.start, hit!.end)).toBe(hit!.text);
    expect(hit!.line).toBe(edited.slice(0, hit!.start).split("\n").length);
    await run(store, { "a.md": edited.replace("Part 2", "Other part") }, { embedder });
    expect(asked).toHaveLength(2);
  });

  it("writes one row for a document whose chunks stayed, and a row for each that only moved", async () => {
    await run(store, { "a.md": page("apple", "plum", "cherry") });
    expect((await run(store, { "a.md": `${page("apple", "plum", "cherry")}\n\n` })).writes).toBe(1);
    expect((await run(store, { "a.md": `\n${page("apple", "plum", "cherry")}` })).writes).toBe(1 + 3);
  });

  it("embeds a text that occurs in several documents once, and not again when a file is renamed", async () => {
    const { embedder, texts: asked } = watched();
    const report = await run(store, { "a.md": "# Same\n\ntext", "b.md": "# Same\n\ntext" }, { embedder });
    expect(report.chunks).toEqual({ embedded: 1, reused: 1, removed: 0, total: 2 });
    const renamed = await run(store, { "a.md": "# Same\n\ntext", "c.md": "# Same\n\ntext" }, { embedder });
    expect(renamed.documents).toEqual({ added: 1, changed: 0, unchanged: 1, removed: 1 });
    const moved = await run(store, { "z.md": "# Same\n\ntext" }, { embedder });
    expect(moved.chunks).toEqual({ embedded: 0, reused: 1, removed: 0, total: 1 });
    expect(asked).toHaveLength(1);
    expect(await documentsFor(store, "same")).toEqual(["z.md"]);
  });

  it("removes documents that are gone, with their chunks", async () => {
    await run(store, { "a.md": "apple", "b.md": "plum" });
    const report = await run(store, { "a.md": "apple" });
    expect(report).toMatchObject({ documents: { removed: 1, unchanged: 1 }, chunks: { removed: 1, total: 1 } });
    expect(await documentsFor(store, "plum")).toEqual([]);
  });

  it("leaves the index as a fresh build of the same documents would, after any history", async () => {
    const part = fc.constantFrom("apple pie", "plum", "cherry cake", "pear", "apple");
    const version = fc.dictionary(fc.constantFrom("a", "b", "c", "d"), fc.array(part, { minLength: 1, maxLength: 4 }), {
      maxKeys: 4,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(version, { minLength: 1, maxLength: 5 }),
        fc.constantFrom(1, 256),
        async (versions, batch) => {
          const { embedder } = watched({ batch });
          const grown = memoryVectorStore();
          const grownFile = openVectorStore(":memory:");
          const fresh = memoryVectorStore();
          const textsOf = (parts: Record<string, string[]>) =>
            Object.fromEntries(
              Object.keys(parts)
                .sort()
                .map((id) => [id, page(...parts[id]!)]),
            );
          for (const texts of versions.map(textsOf))
            for (const each of [grown, grownFile]) await run(each, texts, { embedder });
          await run(fresh, textsOf(versions.at(-1)!), { embedder });
          for (const query of ["apple", "plum cake", "guide part"]) {
            const expected = await searchIndex(fresh, query, { limit: 100 });
            expect(await searchIndex(grown, query, { limit: 100 })).toEqual(expected);
            const fromFile = await searchIndex(grownFile, query, { limit: 100 });
            expect(fromFile.map(({ score: _score, ...hit }) => hit)).toEqual(
              expected.map(({ score: _score, ...hit }) => hit),
            );
            fromFile.forEach((hit, position) => expect(hit.score).toBeCloseTo(expected[position]!.score, 9));
          }
          grownFile.close();
        },
      ),
      { numRuns: 25 },
    );
  });

  it("loses nothing when an embedding fails: old chunks stay, the rest goes on, and the next sync takes up what is missing", async () => {
    await run(store, { "a.md": page("apple"), "b.md": page("plum"), "c.md": page("cherry") });
    const changed = { "a.md": page("apple new"), "b.md": page("plum new"), "c.md": page("cherry new") };
    const { embedder } = watched({ fails: (text) => text.includes("plum new") && new Error("429 Too Many Requests") });
    await expect(run(store, changed, { embedder })).rejects.toMatchObject({
      code: "TASK_FAILED",
      retryable: true,
      message: expect.stringContaining("429"),
      hint: expect.stringContaining("next sync"),
    });
    expect(await documentsFor(store, "new")).toEqual(["a.md", "c.md"]);
    expect(await documentsFor(store, "plum")).toEqual(["b.md"]);
    const good = watched();
    const report = await run(store, changed, { embedder: good.embedder });
    expect(good.texts).toHaveLength(1);
    expect(report.documents).toEqual({ added: 0, changed: 1, unchanged: 2, removed: 0 });
    expect(await documentsFor(store, "new")).toEqual(["a.md", "b.md", "c.md"]);
  });

  it("asks an embedder that keeps failing three times, not once per document", async () => {
    const texts = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`${at}.md`, page(`apple${at}`)]));
    let calls = 0;
    const { embedder } = watched({ batch: 1, fails: () => ((calls += 1), new Error("down")) });
    await expect(run(store, texts, { embedder })).rejects.toMatchObject({
      retryable: true,
      message: expect.stringContaining("and 2 more"),
    });
    expect(calls).toBe(3);
  });

  it("keeps what was embedded of a long document when a later call fails, unseen until the document is complete", async () => {
    await run(store, { "a.md": page("plum old") });
    const changed = { "a.md": page("plum one", "plum two", "plum three") };
    const first = watched({ batch: 1, fails: (text) => text.includes("three") && new Error("down") });
    await expect(run(store, changed, { embedder: first.embedder })).rejects.toMatchObject({ retryable: true });
    expect((await searchIndex(store, "plum")).map((hit) => /plum \w+/.exec(hit.text)![0])).toEqual(["plum old"]);
    const second = watched({ batch: 1 });
    await run(store, changed, { embedder: second.embedder });
    expect(second.texts).toHaveLength(1);
    expect(await searchIndex(store, "plum")).toHaveLength(3);
  });

  it("sets a document aside that can't be read, and says which and why when the others are done", async () => {
    await run(store, { "a.md": "apple", "b.md": "plum", "c.md": "pear" });
    const malformed = new SluiceError("SOURCE_MALFORMED", "a.md is not valid UTF-8: byte 3 can't be read", {
      hint: "Save it as UTF-8.",
    });
    const documents = documentsOf({ "a.md": "apricot", "b.md": "peach" }, (id) => {
      if (id === "a.md") throw malformed;
    });
    await expect(syncIndex(index("docs", { documents }), store, context())).rejects.toMatchObject({
      code: "SOURCE_MALFORMED",
      retryable: false,
      message: malformed.message,
      hint: malformed.hint,
    });
    expect(await documentsFor(store, "apple peach pear")).toEqual(expect.arrayContaining(["a.md", "b.md"]));
    expect(await documentsFor(store, "pear")).toEqual([]);
  });

  it("builds an index of another embedder or chunk size anew, and never searches two at once", async () => {
    const texts = { "a.md": page("apple"), "b.md": page("plum") };
    await run(store, texts);
    const failing = watched({ id: "lexical-2", batch: 1, fails: (text) => text.includes("plum") && new Error("down") });
    await expect(run(store, texts, { embedder: failing.embedder })).rejects.toMatchObject({ retryable: true });
    expect(await store.settings()).toMatchObject({ embedder: "lexical-1" });
    expect(await documentsFor(store, "guide")).toEqual(["a.md", "b.md"]);
    const next = watched({ id: "lexical-2", batch: 1 });
    const report = await run(store, texts, { embedder: next.embedder });
    expect(next.texts).toHaveLength(1);
    expect(report.documents).toEqual({ added: 0, changed: 1, unchanged: 1, removed: 0 });
    expect(await store.settings()).toMatchObject({ embedder: "lexical-2" });
    await expect(searchIndex(store, "apple")).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("lexical-2"),
    });
    expect(await searchIndex(store, "guide", { embedder: next.embedder })).toHaveLength(2);
    expect((await run(store, texts, { chunk: { maxCharacters: 300 } })).chunks.total).toBeGreaterThan(4);
    expect(await documentsFor(store, "apple")).toEqual(["a.md"]);
  });

  it("writes nothing once a newer run has written", async () => {
    await run(store, { "a.md": "apple" }, {}, 7);
    await expect(run(store, { "a.md": "plum" }, {}, 6)).rejects.toMatchObject({ code: "FENCED", retryable: false });
    expect(await documentsFor(store, "apple")).toEqual(["a.md"]);
  });

  it("stops where it is when it is cancelled", async () => {
    const abort = new AbortController();
    const texts = Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`${at}.md`, page(`apple${at}`)]));
    const { embedder, texts: asked } = watched({
      batch: 1,
      fails: (text) => void (text.includes("apple4") && abort.abort(new Error("cancelled"))),
    });
    await expect(
      syncIndex(index("docs", { documents: documentsOf(texts), embedder }), store, context(1, abort.signal)),
    ).rejects.toThrow("cancelled");
    expect(asked.length).toBeLessThan(7);
    expect((await run(store, texts)).documents.unchanged).toBe(5);
  });

  it("refuses an embedder that returns something else than one good embedding per text", async () => {
    for (const result of [[], [{ kind: "sparse" as const, weights: new Map([["x", Number.NaN]]) }]]) {
      const embedder: Embedder = { id: "broken", embed: async () => result };
      await expect(run(store, { "a.md": "apple" }, { embedder })).rejects.toMatchObject({
        code: "TASK_FAILED",
        message: expect.stringContaining("broken"),
      });
    }
    expect(await store.size()).toEqual({ documents: 0, chunks: 0 });
  });
});
