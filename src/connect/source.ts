// Port: where data comes from. What users write (`csv(…)`, `shop.query(…)`, `catalogue.get(…)`) makes a Source, plain
// data that enters the plan; the adapter of its vendor reads it, in a worker, when the step runs.
import type { Clock } from "../clock.ts";
import type { Connection, Setting } from "../config.ts";
import type { ArtifactStore } from "../dataset/artifact-store.ts";
import type { Dataset } from "../dataset/dataset.ts";
import type { Session } from "../dataset/session.ts";
import type { JsonObject } from "../json.ts";
import type { Log } from "../log.ts";

/** Something to extract: plain data that says what is read and who reads it. */
export interface Source {
  readonly kind: "sluice.source";
  /** Which adapter reads it: "csv", "http", "sqlite", "postgres" … */
  readonly vendor: string;
  /** The named connection it goes through; null for plain files. */
  readonly connection: Connection | null;
  /** What to read, in the adapter's own terms. */
  readonly request: JsonObject;
}

/** What an adapter is given beside the source. */
export interface SourceContext {
  /** Relative paths start here. */
  readonly folder: string;
  /** The project's state folder: where embedded warehouses keep their files. */
  readonly home: string;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly clock: Clock;
  readonly artifacts: ArtifactStore;
  /** The worker's columnar session; opened at the first call. */
  readonly session: () => Promise<Session>;
  /** The value behind a setting; what comes from a reference is redacted from logs and errors from then on. */
  readonly resolve: (setting: Setting) => string;
}

/** Reads a source to its end and returns the rows as a dataset, in bounded memory. */
export type SourceAdapter = (source: Source, context: SourceContext) => Promise<Dataset>;
