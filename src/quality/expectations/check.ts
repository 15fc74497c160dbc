// The ways in which expectations are checked. Most are aggregates, which evaluate.ts gathers into one scan; the others
// say what they must read beside.
import type { Sql } from "../../dataset/sql.ts";
import type { Row } from "../../dataset/session.ts";
import type { Json, JsonObject } from "../../json.ts";
import type { ValueClass } from "./table.ts";

/** What an expectation that is not about single rows has found. */
export interface Finding {
  readonly success: boolean;
  readonly observed: Json;
  readonly details?: Json;
}

/**
 * SQL of an aggregate, given "" or " FILTER (WHERE …)" to put behind each aggregate function, and how distinct values are
 * counted.
 */
export type Aggregate = (filter: string, distinct: DistinctCount) => string;

/** SQL of how many distinct values there are, without null. */
export type DistinctCount = (cell: string, filter: string) => string;

/** Known without reading a row. */
export interface SettledCheck {
  readonly type: "settled";
  readonly finding: Finding;
}

/** A condition on each row. */
export interface RowCheck {
  readonly type: "rows";
  /** SQL that is true for rows that are judged; null: all are. Others count as missing. */
  readonly counted: string | null;
  /** SQL that is true for rows that break the rule, among those that are judged; false or null for all others. */
  readonly broken: string;
  /** Where SQL can't judge: as soon as one row is like that, all values are judged in JS. */
  readonly undecided?: Undecided;
  /** The verdict, where it is known before any row is counted. */
  readonly finding?: Finding;
}

export interface Undecided {
  /** SQL that is true for a row that only JS can judge. */
  readonly when: string;
  /** SQL of the text that JS is given. */
  readonly text: string;
  readonly accepts: (text: string) => boolean;
}

/** A condition on each row that looks at other rows, too. */
export interface WindowCheck {
  readonly type: "window";
  readonly counted: string | null;
  /** SQL with window functions, true for broken rows, given the SQL of what to partition by. */
  readonly broken: (partition: readonly string[]) => string;
  /** Aggregates that show, without a scan of its own, that no row is broken. */
  readonly quick: {
    readonly aggregates: readonly Aggregate[];
    readonly holds: (values: readonly unknown[]) => boolean;
  } | null;
}

/** A value that is measured over all rows. */
export interface MeasureCheck {
  readonly type: "measure";
  readonly aggregates: readonly Aggregate[];
  /** The aggregates can't be filtered one by one: they need a scan of the rows that the condition leaves. */
  readonly ownScan?: boolean;
  readonly judge: (values: readonly unknown[]) => Finding;
}

export interface ValueCount {
  /** The value as JSON: numbers are numbers where they fit, times are texts. */
  readonly value: Json;
  readonly count: number;
}

/** How often each distinct value occurs. Nulls are left out. */
export interface CountsCheck {
  readonly type: "counts";
  /** SQL of the value, and what it is. */
  readonly value: string;
  readonly found: ValueClass;
  readonly judge: (counts: readonly ValueCount[]) => Finding;
}

/** All numbers of a column in ascending order, a batch at a time. */
export interface SortedCheck {
  readonly type: "sorted";
  readonly value: string;
  readonly judge: (values: Float64Array) => Finding;
}

/** What SQL or code of its own finds. */
export interface QueryCheck {
  readonly type: "query";
  readonly run: (reader: QueryReader) => Promise<QueryFinding>;
}

export interface QueryFinding extends Finding {
  /** Rows that should not be there. */
  readonly unexpected?: { readonly count: number; readonly sample: readonly JsonObject[] };
}

/** What a custom expectation may ask. */
export interface QueryReader {
  /**
   * The rows of a query, which knows the dataset as `dataset` and others by the names they were given. Integers beyond
   * 2^53 and decimals are texts.
   */
  rows(query: Sql): Promise<readonly Row[]>;
  /** Rows of the dataset. */
  readonly rowCount: number;
}

export type Check = SettledCheck | RowCheck | WindowCheck | MeasureCheck | CountsCheck | SortedCheck | QueryCheck;
