// Port: where an index is kept. A store replaces a document in one step, so a search sees its old chunks or its new ones,
// never a mixture; and it keeps embeddings of different settings apart, so they are never compared with each other.
// It knows nothing of files, Markdown or embedders.
import type { Embedding } from "./embedder.ts";

/** What an index was built with. Chunks built with other settings are never searched together. */
export interface IndexSettings {
  readonly embedder: string;
  readonly chunker: string;
  readonly maxCharacters: number;
}

/** A chunk's content, stored once for all the places where it occurs. */
export interface ChunkContent {
  /** Hash of everything the embedding depends on: equal keys, equal embeddings. */
  readonly key: string;
  readonly heading: readonly string[];
  readonly text: string;
  readonly embedding: Embedding;
}

/** One occurrence of a content in a document; offsets are UTF-16 code units, `line` counts from 1. */
export interface ChunkPlace {
  readonly key: string;
  readonly start: number;
  readonly end: number;
  readonly line: number;
}

/** A document as its place in the index: which chunks, in order. */
export interface StoredDocument {
  readonly id: string;
  readonly hash: string;
  readonly title: string | null;
  /** In order of their start. */
  readonly chunks: readonly ChunkPlace[];
}

/** Contents to keep and documents to replace or remove, in one transaction. */
export interface StoreWrite {
  readonly settings: IndexSettings;
  /** A write with a lower fence than the highest one that has written is refused with FENCED. */
  readonly fence: number;
  /** Contents to keep for documents of this or a later write; not found by a search until a document has them. */
  readonly contents?: readonly ChunkContent[];
  /** Documents whose chunks become these and no others. Every key must be stored, or be among `contents`. */
  readonly documents?: readonly StoredDocument[];
  /** Ids of documents that are gone, whatever settings they were built with. */
  readonly remove?: readonly string[];
}

/** Weights of the ranking: how soon repetitions of a term stop counting (k1), how much long chunks are held back (b). */
export interface Bm25 {
  readonly k1: number;
  readonly b: number;
}

/** One search: which settings, what is looked for, how it is weighed. */
export interface StoreQuery {
  readonly settings: IndexSettings;
  readonly embedding: Embedding;
  readonly limit: number;
  readonly bm25: Bm25;
}

/** A chunk that was found: where it stands, and how well it answers. */
export interface StoredHit {
  readonly document: string;
  readonly title: string | null;
  readonly heading: readonly string[];
  readonly text: string;
  readonly score: number;
  readonly start: number;
  readonly end: number;
  readonly line: number;
}

/** How much an index holds. */
export interface IndexSize {
  readonly documents: number;
  readonly chunks: number;
}

/**
 * One index. The first settings ever written are searched from their first document on; later ones are built aside and take
 * over, all at once, when `finish` is called with them.
 *
 * Sparse embeddings are ranked by Okapi BM25 (Robertson & Zaragoza 2009, "The Probabilistic Relevance Framework", eq. 3.15)
 * over the stored contents, with the idf that never falls below zero: for each term of the query, its weight there times
 * `ln(1 + (N - n + 0.5) / (n + 0.5)) * w * (k1 + 1) / (w + k1 * (1 - b + b * length / averageLength))`,
 * where N counts contents, n those with the term, w is the term's weight and length the sum of a content's weights.
 */
export interface VectorStore {
  /** What is being searched; null before anything was written. */
  readonly settings: () => Promise<IndexSettings | null>;
  /** Hashes by id of the documents built with these settings. */
  readonly documents: (settings: IndexSettings) => Promise<ReadonlyMap<string, string>>;
  /** Which of these keys are stored under these settings. */
  readonly stored: (settings: IndexSettings, keys: readonly string[]) => Promise<ReadonlySet<string>>;
  /** All of it or nothing. Returns how many rows it wrote: 0 if everything was so already. */
  readonly write: (write: StoreWrite) => Promise<number>;
  /** Ends a sync that lost nothing: these settings are searched from now on, and what nothing refers to is dropped. */
  readonly finish: (
    settings: IndexSettings,
    fence: number,
  ) => Promise<{ readonly written: number; readonly dropped: number }>;
  /** Best first; equal scores by document id (in UTF-8 order), then by place. Null if these settings aren't the searched ones. */
  readonly search: (query: StoreQuery) => Promise<readonly StoredHit[] | null>;
  /** Counts of what is being searched. */
  readonly size: () => Promise<IndexSize>;
  readonly close: () => void;
}
