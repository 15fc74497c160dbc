// Asking an index. The store says what it was built with, so no code of the project's is needed to search it.
import { SluiceError } from "../errors.ts";
import type { Embedder } from "./embedder.ts";
import { lexical } from "./lexical.ts";
import type { Bm25, IndexSettings, StoredHit, VectorStore } from "./vector-store.ts";

/** A chunk that answers; `heading` is the path of headings it stands under, `line` its first line, from 1. */
export type SearchHit = StoredHit;

/** How much is answered, and by which embedder. */
export interface SearchOptions {
  /** How many hits at most. @default 5 */
  readonly limit?: number;
  /** The embedder the index was built with, if that isn't `lexical()`. */
  readonly embedder?: Embedder;
  readonly signal?: AbortSignal;
}

/** The customary weights (Robertson & Zaragoza 2009, section 3.3.1). */
export const defaultBm25: Bm25 = Object.freeze({ k1: 1.2, b: 0.75 });

/**
 * The chunks that answer `query` best, best first; equal scores come in order of document and place, so the same index
 * gives the same answer. No hit, an empty query and an index that was never synced give an empty list.
 *
 * ```ts
 * const [best] = await searchIndex(store, "how do I backfill?", { limit: 3 });
 * ```
 */
export async function searchIndex(
  store: VectorStore,
  query: string,
  options: SearchOptions = {},
): Promise<readonly SearchHit[]> {
  const { limit = 5, signal = new AbortController().signal } = options;
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new SluiceError("USAGE", `A search can't be limited to ${limit} hits`, {
      hint: "Give a whole number above 0.",
    });
  }
  for (;;) {
    const settings = await store.settings();
    if (settings === null || query.trim() === "") return [];
    const [embedding] = await embedderOf(settings, options.embedder).embed([query], signal);
    const hits = await store.search({ settings, embedding: embedding!, limit, bm25: defaultBm25 });
    // Null: the index was rebuilt with other settings just now. Its new ones are there to be read.
    if (hits !== null) return hits;
    signal.throwIfAborted();
  }
}

function embedderOf(settings: IndexSettings, given: Embedder | undefined): Embedder {
  const known = given ?? lexical();
  if (known.id === settings.embedder) return known;
  throw new SluiceError(
    "USAGE",
    `The index was built by the embedder "${settings.embedder}", and the query would be by "${known.id}"`,
    {
      hint: "Pass the embedder of the index, or sync the index with this one.",
      details: { index: settings.embedder, query: known.id },
    },
  );
}
