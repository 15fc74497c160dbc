import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openVectorStore } from "../../../src/adapters/sqlite/vector-store.ts";
import { silentLog } from "../../../src/log.ts";
import {
  index,
  markdown,
  markdownDocument,
  memoryVectorStore,
  searchIndex,
  type RetrievalIndex,
} from "../../../src/retrieval/index.ts";
import { syncIndex } from "../../../src/retrieval/sync.ts";

function indexOf(texts: Iterable<readonly [id: string, text: string]>): RetrievalIndex {
  return index("qa", {
    documents: {
      kind: "sluice.documents",
      description: {},
      list: async function* () {
        for (const [id, text] of texts) yield { id, hash: text, read: () => markdownDocument(id, text) };
      },
    },
  });
}
const context = { folder: ".", fence: 1, signal: new AbortController().signal, log: silentLog };

describe("a search", () => {
  it("gives nothing for an empty query, for unknown words, and in an index that was never synced", async () => {
    const store = memoryVectorStore();
    expect(await searchIndex(store, "apple")).toEqual([]);
    await syncIndex(indexOf([["a", "apple"]]), store, context);
    for (const query of ["", "  ", "xyzzy", "what is it?", "?!"]) expect(await searchIndex(store, query)).toEqual([]);
    expect(await searchIndex(store, "xyzzy apple")).toHaveLength(1);
  });

  it("finds a chunk by the headings above it", async () => {
    const store = memoryVectorStore();
    const filler = "Some sentence that is about nothing of the kind. ".repeat(20);
    await syncIndex(
      indexOf([
        ["a", `# Backfill\n\n${filler}\n\n## Options\n\n${filler}\n`],
        ["b", `# Cursor\n\n${filler}\n\n## Options\n\n${filler}\n`],
      ]),
      store,
      context,
    );
    const hits = await searchIndex(store, "options of a backfill");
    expect(hits[0]).toMatchObject({ document: "a", heading: ["Backfill", "Options"], line: 5 });
  });

  it("takes a limit that is a whole number above zero", async () => {
    const store = memoryVectorStore();
    await syncIndex(indexOf(Array.from({ length: 9 }, (_, at) => [`d${at}`, `apple ${at}`])), store, context);
    expect(await searchIndex(store, "apple")).toHaveLength(5);
    expect((await searchIndex(store, "apple", { limit: 2 })).map((hit) => hit.document)).toEqual(["d0", "d1"]);
    for (const limit of [0, -1, 1.5, Number.NaN])
      await expect(searchIndex(store, "apple", { limit })).rejects.toMatchObject({ code: "USAGE" });
  });

  it("goes to the new index when the old one is replaced between its two questions", async () => {
    const store = memoryVectorStore();
    await syncIndex(indexOf([["a", "apple"]]), store, context);
    let moved = false;
    const racing = {
      ...store,
      search: async (query: Parameters<typeof store.search>[0]) => {
        if (!moved) {
          moved = true;
          await syncIndex(index("qa", { ...indexOf([["b", "apple"]]), chunk: { maxCharacters: 100 } }), store, context);
        }
        return store.search(query);
      },
    };
    expect((await searchIndex(racing, "apple")).map((hit) => hit.document)).toEqual(["b"]);
  });
});

describe("the definition of an index", () => {
  it("refuses what can't work, and says what to write", () => {
    const documents = markdown("*.md");
    const invalid = expect.objectContaining({ code: "DEFINITION_INVALID", hint: expect.any(String) });
    expect(() => index("My Docs", { documents })).toThrow(invalid);
    expect(() => index("docs", {} as never)).toThrow(invalid);
    expect(() => index("docs", { documents, chunk: { maxCharacters: 99 } })).toThrow(invalid);
  });
});

interface Passage {
  readonly id: string;
  readonly text: string;
}
interface Question {
  readonly question: string;
  readonly passage: string;
}

describe.each(["xquad-en", "xquad-zh"])("%s", (name) => {
  const folder = join(import.meta.dirname, "../../../../shared/data/qa", name);
  const read = <T>(file: string): T[] =>
    gunzipSync(readFileSync(join(folder, file)))
      .toString()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as T);

  it.skipIf(!existsSync(folder))(
    "finds the passage that answers among the first five for at least 0.97 of the questions (skipped without ../shared/data/qa)",
    async () => {
      const store = openVectorStore(":memory:");
      await syncIndex(indexOf(read<Passage>("passages.jsonl.gz").map(({ id, text }) => [id, text])), store, context);
      const questions = read<Question>("questions.jsonl.gz");
      let found = 0;
      for (const { question, passage } of questions) {
        const hits = await searchIndex(store, question, { limit: 5 });
        if (hits.some((hit) => hit.document === passage)) found += 1;
      }
      store.close();
      expect(questions).toHaveLength(1190);
      expect(found / questions.length).toBeGreaterThanOrEqual(0.97);
    },
  );
});
