// What every embedder promises; each implementation runs these cases.
import { describe, expect, it } from "vitest";
import type { Embedder } from "../../src/retrieval/embedder.ts";

export interface EmbedderCase {
  readonly name: string;
  readonly create: () => Embedder;
}

const texts = [
  "How to backfill a pipeline",
  "",
  "資料管線 and a naïve café",
  "🙂",
  "How to backfill a pipeline",
  "x".repeat(20_000),
];

export function testEmbedder({ name, create }: EmbedderCase): void {
  describe(`embedder: ${name}`, () => {
    const { signal } = new AbortController();

    it("has an id and gives one embedding per text, in order", async () => {
      const embedder = create();
      expect(embedder.id).toMatch(/\S/);
      const together = await embedder.embed(texts, signal);
      expect(together).toHaveLength(texts.length);
      for (const [position, text] of texts.entries()) {
        expect((await embedder.embed([text], signal))[0]).toEqual(together[position]);
      }
    });

    it("gives equal texts equal embeddings, from one instance to the next", async () => {
      expect(await create().embed(texts, signal)).toEqual(await create().embed(texts, signal));
    });

    it("gives finite weights above zero", async () => {
      for (const { weights } of await create().embed(texts, signal)) {
        for (const weight of weights.values()) expect(Number.isFinite(weight) && weight > 0).toBe(true);
      }
    });

    it("embeds no texts as no embeddings", async () => {
      expect(await create().embed([], signal)).toEqual([]);
    });
  });
}
