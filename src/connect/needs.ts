// What extract and load must be handed at run time.
import type { Setting } from "../config.ts";
import type { ArtifactStore } from "../dataset/artifact-store.ts";
import type { Session } from "../dataset/session.ts";
import type { SinkAdapter } from "./sink.ts";
import type { SourceAdapter } from "./source.ts";

export interface ConnectNeeds {
  readonly artifacts: ArtifactStore;
  readonly session: () => Promise<Session>;
  readonly home: string;
  readonly resolve: (setting: Setting) => string;
  /** By vendor. */
  readonly sources: Readonly<Record<string, SourceAdapter>>;
  readonly sinks: Readonly<Record<string, SinkAdapter>>;
}
