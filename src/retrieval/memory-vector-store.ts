// An index in memory: what the port means, in the plainest code. For tests and for indexes that needn't outlive a process.
import { canonicalJson } from "../json.ts";
import { SluiceError } from "../errors.ts";
import type {
  ChunkContent,
  IndexSettings,
  StoreQuery,
  StoredDocument,
  StoredHit,
  VectorStore,
} from "./vector-store.ts";

interface Generation {
  readonly settings: IndexSettings;
  readonly contents: Map<string, ChunkContent>;
  readonly documents: Map<string, StoredDocument>;
}

/** An empty index, gone with the process. */
export function memoryVectorStore(): VectorStore {
  const generations = new Map<string, Generation>();
  let searched: Generation | null = null;
  let highestFence = 0;
  const find = (settings: IndexSettings): Generation | undefined => generations.get(canonicalJson(settings));
  const open = (settings: IndexSettings): Generation => {
    const known = find(settings);
    if (known !== undefined) return known;
    const made: Generation = { settings, contents: new Map(), documents: new Map() };
    generations.set(canonicalJson(settings), made);
    searched ??= made;
    return made;
  };
  const admit = (fence: number): void => {
    if (fence < highestFence) {
      throw new SluiceError(
        "FENCED",
        `The index was written by a newer run (fence ${highestFence}, this one has ${fence})`,
      );
    }
  };

  return {
    settings: async () => searched?.settings ?? null,
    documents: async (settings) =>
      new Map([...(find(settings)?.documents ?? [])].map(([id, document]) => [id, document.hash])),
    stored: async (settings, keys) => new Set(keys.filter((key) => find(settings)?.contents.has(key))),
    write: async ({ settings, fence, contents = [], documents = [], remove = [] }) => {
      admit(fence);
      const keys = new Set([...(find(settings)?.contents.keys() ?? []), ...contents.map((content) => content.key)]);
      for (const document of documents) {
        const missing = document.chunks.find((chunk) => !keys.has(chunk.key));
        if (missing !== undefined) throw missingContent(document.id, missing.key);
      }
      const generation = open(settings);
      let written = 0;
      for (const content of contents) {
        if (generation.contents.has(content.key)) continue;
        generation.contents.set(content.key, content);
        written += 1;
      }
      for (const document of documents) {
        if (canonicalJson(generation.documents.get(document.id)) === canonicalJson(document)) continue;
        generation.documents.set(document.id, document);
        written += 1;
      }
      for (const id of remove)
        for (const { documents: stored } of generations.values()) written += stored.delete(id) ? 1 : 0;
      if (written > 0) highestFence = fence;
      return written;
    },
    finish: async (settings, fence) => {
      admit(fence);
      const generation = open(settings);
      const used = new Set(
        [...generation.documents.values()].flatMap((document) => document.chunks.map((chunk) => chunk.key)),
      );
      const unused = [...generation.contents.keys()].filter((key) => !used.has(key));
      for (const key of unused) generation.contents.delete(key);
      const others = [...generations.values()].filter((other) => other !== generation);
      for (const other of others) generations.delete(canonicalJson(other.settings));
      searched = generation;
      const dropped = others.reduce((sum, other) => sum + other.contents.size, unused.length);
      if (dropped + others.length > 0) highestFence = fence;
      return { written: dropped + others.length, dropped };
    },
    search: async (query) => {
      const generation = find(query.settings);
      return generation === undefined || generation !== searched ? null : rank(generation, query);
    },
    size: async () => {
      const documents = [...(searched?.documents.values() ?? [])];
      return {
        documents: documents.length,
        chunks: documents.reduce((sum, document) => sum + document.chunks.length, 0),
      };
    },
    close: () => {},
  };
}

function rank(generation: Generation, { embedding, limit, bm25 }: StoreQuery): StoredHit[] {
  const contents = [...generation.contents.values()];
  const lengths = new Map(contents.map((content) => [content.key, lengthOf(content)]));
  const averageLength = [...lengths.values()].reduce((sum, length) => sum + length, 0) / contents.length;
  const scores = new Map<string, number>();
  for (const [term, queryWeight] of embedding.weights) {
    const matches = contents.filter((content) => content.embedding.weights.has(term));
    const idf = Math.log(1 + (contents.length - matches.length + 0.5) / (matches.length + 0.5));
    for (const {
      key,
      embedding: { weights },
    } of matches) {
      const weight = weights.get(term)!;
      const norm = bm25.k1 * (1 - bm25.b + (bm25.b * lengths.get(key)!) / averageLength);
      scores.set(key, (scores.get(key) ?? 0) + (queryWeight * idf * weight * (bm25.k1 + 1)) / (weight + norm));
    }
  }
  const hits = [...generation.documents.values()].flatMap((document) =>
    document.chunks
      .filter((chunk) => scores.has(chunk.key))
      .map(({ key, start, end, line }) => {
        const { heading, text } = generation.contents.get(key)!;
        return {
          document: document.id,
          title: document.title,
          heading,
          text,
          score: scores.get(key)!,
          start,
          end,
          line,
        };
      }),
  );
  return hits.sort(byScore).slice(0, limit);
}

function byScore(a: StoredHit, b: StoredHit): number {
  // Sums of the same numbers in another order differ in the last digits; that is no difference of rank.
  const difference = Number(b.score.toFixed(9)) - Number(a.score.toFixed(9));
  return difference || Buffer.compare(Buffer.from(a.document), Buffer.from(b.document)) || a.start - b.start;
}

function lengthOf(content: ChunkContent): number {
  let length = 0;
  for (const weight of content.embedding.weights.values()) length += weight;
  return length;
}

function missingContent(document: string, key: string): SluiceError {
  return new SluiceError("INTERNAL", `Document "${document}" refers to a chunk that is not stored`, {
    details: { document, key },
  });
}
