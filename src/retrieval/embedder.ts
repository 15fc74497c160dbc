// Port: what makes a text findable. An embedder turns texts into embeddings; two texts are near if their embeddings are.
// Only embeddings of the same embedder may be compared, so its id travels with the index.

/** Terms with their weights: how often each occurs, for a lexical embedder. Weights are finite and above zero. */
export interface SparseEmbedding {
  readonly kind: "sparse";
  readonly weights: ReadonlyMap<string, number>;
}

/** What stands for a text in the index. */
export type Embedding = SparseEmbedding;

/** The port: makes the form of a text that search compares. */
export interface Embedder {
  /** Names the embedder and the version of what it does: whenever its embeddings would differ, so must the id. */
  readonly id: string;
  /** How many texts it takes in one call. @default 64 */
  readonly batch?: number;
  /** One embedding per text, in the texts' order. Deterministic: the same text gives the same embedding. */
  readonly embed: (texts: readonly string[], signal: AbortSignal) => Promise<readonly Embedding[]>;
}
