// Public entry "sluice/retrieval": documents, chunks, embeddings, sync and search.
export type { Document, DocumentEntry, Documents, DocumentsContext } from "./document.ts";
export { markdownDocument } from "./document.ts";
export type { Embedder, Embedding, SparseEmbedding } from "./embedder.ts";
export { lexical } from "./lexical.ts";
export { markdown, type MarkdownOptions } from "./markdown-files.ts";
export { memoryVectorStore } from "./memory-vector-store.ts";
export { index, type IndexOptions, type RetrievalIndex } from "./retrieval-index.ts";
export { searchIndex, type SearchHit, type SearchOptions } from "./search.ts";
export { sync, type RetrievalNeeds, type SyncReport } from "./sync.ts";
export type {
  Bm25,
  ChunkContent,
  ChunkPlace,
  IndexSettings,
  IndexSize,
  StoreQuery,
  StoreWrite,
  StoredDocument,
  StoredHit,
  VectorStore,
} from "./vector-store.ts";
