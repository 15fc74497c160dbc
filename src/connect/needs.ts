// What extract and load must be handed at run time.
import type { Setting } from "../config.ts";
import type { ArtifactStore } from "../dataset/artifact-store.ts";
import type { Session } from "../dataset/session.ts";
import type { RejectedRows } from "./rejected-rows.ts";
import type { Sink } from "./sink.ts";
import type { FileSet, RangeReader, SourceAdapter } from "./source.ts";

export interface ConnectNeeds {
  readonly artifacts: ArtifactStore;
  readonly session: () => Promise<Session>;
  readonly home: string;
  readonly resolve: (setting: Setting) => string;
  /** By vendor. */
  readonly sources: Readonly<Record<string, SourceAdapter>>;
  /** Of those sources that can read a part. */
  readonly ranges: Readonly<Record<string, RangeReader>>;
  /** Of those sources that are files. */
  readonly files?: Readonly<Record<string, FileSet>>;
  /** Loaded when a step first needs them. */
  readonly sinks: Readonly<Record<string, () => Promise<Sink>>>;
  readonly quarantine: RejectedRows;
}
