// What every vector store promises; each implementation runs these cases.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type {
  ChunkContent,
  IndexSettings,
  StoredDocument,
  StoredHit,
  StoreWrite,
  VectorStore,
} from "../../src/retrieval/vector-store.ts";

export interface VectorStoreCase {
  readonly name: string;
  /** An empty store. */
  readonly create: () => VectorStore | Promise<VectorStore>;
}

const settings: IndexSettings = { embedder: "words", chunker: "test", maxCharacters: 100 };
const newer: IndexSettings = { ...settings, embedder: "words-2" };
const bm25 = { k1: 1.2, b: 0.75 };

function content(text: string, key = text): ChunkContent {
  const weights = new Map<string, number>();
  for (const word of text.split(" ")) weights.set(word, (weights.get(word) ?? 0) + 1);
  return { key, heading: ["Guide", "日本"], text, embedding: { kind: "sparse", weights } };
}

/** A write of one document that holds these texts, a line each. */
function write(id: string, texts: readonly string[], more: Partial<StoreWrite> & { hash?: string } = {}): StoreWrite {
  let start = 0;
  const chunks = texts.map((text, position) => {
    const place = { key: text, start, end: start + text.length, line: position + 1 };
    start = place.end + 1;
    return place;
  });
  const document: StoredDocument = { id, hash: more.hash ?? texts.join("\n"), title: null, chunks };
  return { settings, fence: 1, contents: texts.map((text) => content(text)), documents: [document], ...more };
}

export function testVectorStore({ name, create }: VectorStoreCase): void {
  describe(`vector store: ${name}`, () => {
    let store: VectorStore;
    beforeEach(async () => void (store = await create()));
    afterEach(() => store.close());

    const search = async (text: string, limit = 10, searched = settings): Promise<readonly StoredHit[] | null> =>
      store.search({ settings: searched, embedding: content(text).embedding, limit, bm25 });
    const found = async (text: string, limit?: number) =>
      (await search(text, limit))?.map((hit) => `${hit.document}:${hit.text}`);

    it("is empty at first", async () => {
      expect(await store.settings()).toBeNull();
      expect(await store.documents(settings)).toEqual(new Map());
      expect(await store.size()).toEqual({ documents: 0, chunks: 0 });
      expect(await search("apple")).toBeNull();
    });

    it("finds what was written, with its place", async () => {
      expect(await store.write(write("a.md", ["apple pie", "plum cake"]))).toBeGreaterThan(0);
      expect(await store.settings()).toEqual(settings);
      expect(await store.documents(settings)).toEqual(new Map([["a.md", "apple pie\nplum cake"]]));
      expect(await store.size()).toEqual({ documents: 1, chunks: 2 });
      expect(await search("plum")).toEqual([
        {
          document: "a.md",
          title: null,
          heading: ["Guide", "日本"],
          text: "plum cake",
          score: expect.any(Number),
          start: 10,
          end: 19,
          line: 2,
        },
      ]);
      expect(await search("nothing of the kind")).toEqual([]);
      expect(await search("")).toEqual([]);
    });

    it("ranks by BM25, to the formula", async () => {
      await store.write(write("a", ["apple apple pie", "apple", "plum cake with cream"]));
      const hits = (await search("apple pie"))!;
      const idf = (n: number) => Math.log(1 + (3 - n + 0.5) / (n + 0.5));
      const term = (weight: number, length: number) =>
        (weight * 2.2) / (weight + 1.2 * (0.25 + (0.75 * length) / (8 / 3)));
      expect(hits.map((hit) => hit.text)).toEqual(["apple apple pie", "apple"]);
      expect(hits[0]!.score).toBeCloseTo(idf(2) * term(2, 3) + idf(1) * term(1, 3), 9);
      expect(hits[1]!.score).toBeCloseTo(idf(2) * term(1, 1), 9);
    });

    it("orders equal scores by document in UTF-8 order, then by place, and keeps to the limit", async () => {
      for (const id of ["b", "\u{1F600}", "\uFF5E", "a"]) await store.write(write(id, ["apple one", "apple two"]));
      const order = ["a:apple one", "a:apple two", "b:apple one", "b:apple two", "\uFF5E:apple one"];
      expect(await found("apple", 5)).toEqual(order);
      expect(await found("apple", 3)).toEqual(order.slice(0, 3));
    });

    it("keeps terms apart that differ in case, quotes or script", async () => {
      await store.write(write("a", ['"apple" 資料 __proto__', "Apple 資 constructor", "7 'apple' \\"]));
      for (const term of ['"apple"', "資料", "__proto__"])
        expect(await found(term)).toEqual(['a:"apple" 資料 __proto__']);
      for (const term of ["資", "Apple", "constructor"]) expect(await found(term)).toEqual(["a:Apple 資 constructor"]);
      for (const term of ["7", "'apple'", "\\"]) expect(await found(term)).toEqual(["a:7 'apple' \\"]);
    });

    it("replaces a document's chunks, and leaves other documents alone", async () => {
      await store.write(write("a", ["apple one", "apple two", "apple three"]));
      await store.write(write("b", ["apple two"]));
      await store.write(write("a", ["apple two", "apple four"]));
      expect(await found("apple")).toEqual(["a:apple two", "a:apple four", "b:apple two"]);
    });

    it("writes nothing that is there already", async () => {
      await store.write(write("a", ["apple one", "apple two"]));
      expect((await store.finish(settings, 1)).written).toBe(0);
      expect(await store.write(write("a", ["apple one", "apple two"]))).toBe(0);
      expect(await store.write(write("b", [], { documents: [], contents: [content("apple one")] }))).toBe(0);
      expect(await store.write(write("b", [], { documents: [], remove: ["unknown"] }))).toBe(0);
      expect(await store.finish(settings, 1)).toEqual({ written: 0, dropped: 0 });
    });

    it("keeps a content found by no search until a document has it, and drops it at the end if none has", async () => {
      await store.write({ settings, fence: 1, contents: [content("apple one"), content("apple two")] });
      expect(await found("apple")).toEqual([]);
      expect(await store.stored(settings, ["apple one", "apple two", "plum"])).toEqual(
        new Set(["apple one", "apple two"]),
      );
      await store.write(write("a", ["apple two"], { contents: [] }));
      expect(await found("apple")).toEqual(["a:apple two"]);
      expect((await store.finish(settings, 1)).dropped).toBe(1);
      expect(await store.stored(settings, ["apple one", "apple two"])).toEqual(new Set(["apple two"]));
      expect(await found("one")).toEqual([]);
    });

    it("removes documents", async () => {
      await store.write(write("a", ["apple one", "same"]));
      await store.write(write("b", ["apple two", "same"]));
      expect(await store.write({ settings, fence: 1, remove: ["a"] })).toBeGreaterThan(0);
      expect(await found("apple")).toEqual(["b:apple two"]);
      expect((await store.finish(settings, 1)).dropped).toBe(1);
      expect(await found("same")).toEqual(["b:same"]);
      expect([...(await store.documents(settings)).keys()]).toEqual(["b"]);
    });

    it("writes all or nothing", async () => {
      await store.write(write("a", ["apple one"]));
      const broken = write("b", ["apple two"]);
      const missing = {
        ...broken.documents![0]!,
        id: "c",
        chunks: [{ key: "never stored", start: 0, end: 1, line: 1 }],
      };
      await expect(
        store.write({ ...broken, documents: [...broken.documents!, missing], remove: ["a"] }),
      ).rejects.toMatchObject({
        code: "INTERNAL",
      });
      expect(await found("apple")).toEqual(["a:apple one"]);
      expect(await store.stored(settings, ["apple two"])).toEqual(new Set());
    });

    it("ranks as if what is gone had never been", async () => {
      await store.write(write("old", ["apple apple apple", "plum"]));
      await store.write(write("a", ["apple pie", "plum cake with cream"]));
      await store.write({ settings, fence: 1, remove: ["old"] });
      await store.finish(settings, 1);
      const after = await search("apple");
      const fresh = await create();
      await fresh.write(write("a", ["apple pie", "plum cake with cream"]));
      expect(after).toEqual(await fresh.search({ settings, embedding: content("apple").embedding, limit: 10, bm25 }));
      fresh.close();
    });

    it("refuses a lower fence than the highest that wrote, and changes nothing", async () => {
      await store.write(write("a", ["apple one"], { fence: 5 }));
      const refused = { code: "FENCED", retryable: false };
      await expect(store.write(write("a", ["apple two"], { fence: 4 }))).rejects.toMatchObject(refused);
      await expect(store.finish(newer, 4)).rejects.toMatchObject(refused);
      expect(await found("apple")).toEqual(["a:apple one"]);
      await store.write(write("a", ["apple two"], { fence: 5 }));
      await store.write(write("a", ["apple three"], { fence: 6 }));
      expect(await found("apple")).toEqual(["a:apple three"]);
    });

    it("builds other settings aside, and changes over at once at the end", async () => {
      await store.write(write("a", ["apple one"]));
      await store.finish(settings, 1);
      await store.write(write("a", ["apple two"], { settings: newer, fence: 2 }));
      expect(await store.settings()).toEqual(settings);
      expect(await found("apple")).toEqual(["a:apple one"]);
      expect(await search("apple", 10, newer)).toBeNull();
      expect(await store.stored(newer, ["apple one"])).toEqual(new Set());
      expect(await store.documents(newer)).toEqual(new Map([["a", "apple two"]]));
      expect((await store.finish(newer, 2)).dropped).toBe(1);
      expect(await store.settings()).toEqual(newer);
      expect(await search("apple")).toBeNull();
      expect((await search("apple", 10, newer))!.map((hit) => hit.text)).toEqual(["apple two"]);
      expect(await store.documents(settings)).toEqual(new Map());
      expect(await store.size()).toEqual({ documents: 1, chunks: 1 });
    });

    it("removes a document from what is searched while other settings are being built", async () => {
      await store.write(write("a", ["apple one"]));
      await store.write(write("b", ["apple two"]));
      await store.write(write("a", ["apple one"], { settings: newer }));
      await store.write({ settings: newer, fence: 1, remove: ["b"] });
      expect(await found("apple")).toEqual(["a:apple one"]);
    });
  });
}
