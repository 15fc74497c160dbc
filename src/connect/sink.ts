// Port: where data goes. A sink writes a dataset into a table in one transaction of the destination, together with the
// key of the load and its fence: a replay is a no-op, and whoever has been overtaken writes nothing.
import type { Connection, Setting } from "../config.ts";
import type { Dataset } from "../dataset/dataset.ts";
import type { Session } from "../dataset/session.ts";
import type { Log } from "../log.ts";

/** A table of a connection; `name` may be qualified: "staging.sales". */
export interface Table {
  readonly kind: "sluice.table";
  readonly connection: Connection;
  readonly name: string;
}

/**
 * append: add the rows · replace: the table holds these rows and no others ·
 * replace-partition: the rows of this partition are these and no others; other partitions stay.
 */
export type WriteDisposition = "append" | "replace" | "replace-partition";

export interface LoadRequest {
  readonly table: Table;
  readonly dataset: Dataset;
  readonly write: WriteDisposition;
  /** Key of the run's partition; never null for replace-partition. */
  readonly partition: string | null;
  /** The same for every attempt of this load: `append` adds the rows under it once. */
  readonly loadKey: string;
  /** A load with a fence lower than the highest one seen for this table and partition is refused with FENCED. */
  readonly fence: number;
}

export interface SinkContext {
  readonly folder: string;
  /** The project's state folder: where embedded sinks keep their files. */
  readonly home: string;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly session: () => Promise<Session>;
  readonly resolve: (setting: Setting) => string;
}

/** Returns how many rows the destination holds of this load once it is committed. */
export type SinkAdapter = (request: LoadRequest, context: SinkContext) => Promise<{ readonly loaded: number }>;
