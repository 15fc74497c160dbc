// What flows between steps: a handle on rows that lie in Parquet files, never the rows themselves.
import type { ExpectationReport } from "./expectation-report.ts";
import type { Position } from "./position.ts";

/** A column and its type in the words of the columnar engine: "VARCHAR", "BIGINT", "TIMESTAMP WITH TIME ZONE" … */
export interface Column {
  readonly name: string;
  readonly type: string;
}

/** A finished, immutable set of rows. Plain JSON: it is kept in the run's state and sent between processes. */
export interface Dataset {
  readonly kind: "dataset";
  /** Absolute paths of Parquet files; their rows, in this order, are the dataset's. */
  readonly files: readonly string[];
  readonly columns: readonly Column[];
  readonly rows: number;
  readonly bytes: number;
  /** SHA-256 over the files' contents, in hex. */
  readonly hash: string;
  /** Rows that the contract behind this dataset has set aside, where it has any: an empty dataset may have been a full one. */
  readonly quarantined?: number;
  /**
   * Of rows that are replayed from quarantine alone: how many of the same delivery went on before them. What speaks of the
   * whole delivery counts these in, or says nothing.
   */
  readonly before?: number;
  /** What came of the expectations that the step which handed it on holds it to. */
  readonly expectations?: ExpectationReport;
  /** How far the sources behind these rows were read, where they are read incrementally; stored by the load of the rows. */
  readonly positions?: readonly Position[];
  /** Of rows that came by logical replication: the slot, and how much of its log the server kept for it at the end, in bytes. */
  readonly replication?: { readonly slot: string; readonly retainedBytes: number };
}

/** The positions behind a dataset that is made from others; nothing where there are none. */
export function positionsBehind(datasets: readonly Dataset[]): Pick<Dataset, "positions"> {
  const positions = datasets.flatMap((dataset) => dataset.positions ?? []);
  const distinct = [...new Map(positions.map((one) => [`${one.table} ${one.reader}`, one])).values()];
  return distinct.length === 0 ? {} : { positions: distinct };
}
