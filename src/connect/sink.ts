// Port: where data goes. A sink writes a dataset into a table in one transaction of the destination, together with the
// key of the load, its fence and the positions of what was read: a replay is a no-op, whoever has been overtaken writes
// nothing, and a position is never ahead of its rows or behind them.
import type { Connection, Setting } from "../config.ts";
import type { Column, Dataset } from "../dataset/dataset.ts";
import type { Position } from "../dataset/position.ts";
import type { Row, Session } from "../dataset/session.ts";
import type { Json, JsonObject } from "../json.ts";
import type { Log } from "../log.ts";
import type { RejectedRow } from "./rejected-rows.ts";
import type { WriteDisposition, WriteName } from "./write-disposition.ts";

/** A table of a connection; `name` may be qualified: "staging.sales". */
export interface Table {
  readonly kind: "sluice.table";
  readonly connection: Connection;
  readonly name: string;
  /** How it is written, in the adapter's own terms, where there is more to say than a name. */
  readonly request?: JsonObject;
}

/** What a destination can promise; the conformance suite holds it to this, and the docs print it. */
export interface SinkCapabilities {
  readonly writes: readonly WriteName[];
  /**
   * exactly-once: rows, load key and positions become visible together, so that a replay is a no-op · at-least-once: what
   * was sent before a crash is sent again, under the same key.
   */
  readonly effect: "exactly-once" | "at-least-once";
  /** Can the type of a column that is there be widened? */
  readonly widens: boolean;
}

/** A column that the table has. */
export interface TableColumn {
  readonly name: string;
  /** In the words of the columnar engine. */
  readonly type: string;
  /** In the destination's own words, for people. */
  readonly native: string;
  /** Can rows be without it: has it a default, or does it fill itself? */
  readonly optional: boolean;
  /** Does it take every value of the offered column of its name unchanged? Null where none is offered. */
  readonly fits: boolean | null;
}

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
  /** Stored with the rows, if the table still holds what each says it comes from; refused with FENCED if not. @default [] */
  readonly positions?: readonly Position[];
  /** Columns whose type in the table is to become that of the rows; only where the sink widens. @default [] */
  readonly widen?: readonly Column[];
  /** When the load happens, for `scd2`: milliseconds since the epoch, UTC. @default now */
  readonly at?: number;
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

/** What a load has come to. */
export interface LoadOutcome {
  /** How many rows the destination holds of this load once it is committed. */
  readonly loaded: number;
  /** Rows that the destination itself has refused, one by one, and who that was: they are set aside. @default none can be */
  readonly refused?: { readonly by: string; readonly rows: readonly RejectedRow[] };
}

/** Serves the tables of one vendor. */
export interface Sink {
  readonly capabilities: SinkCapabilities;
  load(request: LoadRequest, context: SinkContext): Promise<LoadOutcome>;
  /** The table's columns, without Sluice's own, held against those that are offered; null where there is no such table. */
  columns(table: Table, offered: readonly Column[], context: SinkContext): Promise<readonly TableColumn[] | null>;
  /** What the last load of the table stored for this reader; null for nothing. */
  position(table: Table, reader: string, context: SinkContext): Promise<Json>;
  /** Some of the table's rows, any ones, at most `limit`: for a look at the values. */
  sample(table: Table, columns: readonly string[], limit: number, context: SinkContext): Promise<readonly Row[]>;
}
