// Port: where the Parquet files of datasets are kept, and JSON that is too big for a run's state. A file is written
// under a temporary name and becomes an artifact by `keep`, whole or not at all.

export interface Artifact {
  readonly path: string;
  readonly bytes: number;
  /** SHA-256 of the content, in hex. */
  readonly hash: string;
}

export interface ArtifactStore {
  /** A new absolute path, on the same file system, for a file in the making; `suffix` such as ".parquet". */
  temporary(suffix: string): string;
  /** Makes a finished file durable under its final name. The same content kept twice is one artifact. */
  keep(temporaryPath: string): Promise<Artifact>;
  /** Keeps a JSON text; it is durable when this returns. */
  keepJson(text: string): Promise<Omit<Artifact, "path">>;
  /** The JSON text that was kept under a hash; HOME_UNUSABLE when it is gone. */
  json(hash: string): Promise<string>;
}
