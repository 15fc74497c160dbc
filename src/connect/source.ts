// Port: where data comes from. What users write (`csv(…)`, `shop.query(…)`, `catalogue.get(…)`) makes a Source, plain
// data that enters the plan; the adapter of its vendor reads it, in a worker, when the step runs.
import type { Clock } from "../clock.ts";
import type { Connection, Setting } from "../config.ts";
import type { ArtifactStore } from "../dataset/artifact-store.ts";
import type { Dataset } from "../dataset/dataset.ts";
import type { Session } from "../dataset/session.ts";
import type { JsonObject } from "../json.ts";
import type { Log } from "../log.ts";
import type { RejectedRow } from "./rejected-rows.ts";

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
  /** Sets rows aside that can't be read as they should be, with their reasons; returns how many. Called at most once. */
  readonly reject: (
    what: string,
    rows: AsyncIterable<readonly RejectedRow[]> | Iterable<readonly RejectedRow[]>,
  ) => Promise<number>;
  /** The value behind a setting; what comes from a reference is redacted from logs and errors from then on. */
  readonly resolve: (setting: Setting) => string;
}

/**
 * Reads a source to its end and returns the rows as a dataset, in bounded memory. What it has set aside by `reject` it counts
 * as the dataset's `quarantined`.
 */
export type SourceAdapter = (source: Source, context: SourceContext) => Promise<Dataset>;

/** A value of a cursor: never a `number` or a `Date`, which would lose digits. */
export interface CursorValue {
  /** In the words of the columnar engine; "xid8" for a transaction of PostgreSQL. */
  readonly type: string;
  /** As the columnar engine writes it: "2026-01-31 02:00:00.123456+00", "9007199254740993". */
  readonly text: string;
}

/** The part of a source that is read: from a value, included, to one that isn't. */
export interface ReadRange {
  /**
   * value: rows by a column of theirs · transaction: by the transaction that wrote them, none left out that commits late ·
   * state: from what the source itself said last time, as JSON text.
   */
  readonly by: "value" | "transaction" | "state";
  /** The column; null for what the source itself knows of a row's transaction. */
  readonly cursor: string | null;
  /** Null: from the first row. */
  readonly from: CursorValue | null;
  /**
   * Null: to the last row. "clock": where the cursor is a time, below the source's own clock as the reading begins, so that
   * the end doesn't move and a row dated in the future waits its turn; where it isn't a time, to the last row.
   */
  readonly until: CursorValue | "clock" | null;
  /** Are rows read whose cursor is null? */
  readonly nulls: boolean;
}

/** What a reading of a range has come to. */
export interface RangeRead {
  readonly dataset: Dataset;
  /** Where it ended, itself not included; null where it went to the last row. Never null by transaction. By state: where to go on. */
  readonly until: CursorValue | null;
}

/** Reads a range of a source, all of it from one state of the source. Throws DEFINITION_INVALID for what can't be ordered. */
export type RangeReader = (source: Source, range: ReadRange, context: SourceContext) => Promise<RangeRead>;

/** A file of a source, as it is now. */
export interface FileStamp {
  readonly name: string;
  /** What is cheap to see and differs when the content does: size and time, or the store's tag. */
  readonly version: string;
  /** The same for the same content. */
  readonly hash: string;
}

/** Reads some of a source's files. */
export interface FileSet {
  /** The files there are, in the order in which they are read; one whose version is known has its known hash. */
  list(source: Source, known: ReadonlyMap<string, FileStamp>, context: SourceContext): Promise<readonly FileStamp[]>;
  /** The rows of these files. Fails with SOURCE_UNAVAILABLE where one is no longer what the stamp says. */
  read(source: Source, files: readonly FileStamp[], context: SourceContext): Promise<Dataset>;
}
