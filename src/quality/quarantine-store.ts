// Port: where rows that broke a contract are kept, with their reasons. Per pipeline, step, partition and delivery it holds
// the rows of the newest run and no others. It never changes a row; what is to be judged again is kept beside them, until it has been.
import type { JsonObject } from "../json.ts";
import type { Issue } from "./issue.ts";

/** One row that was set aside. */
export interface QuarantinedRow {
  /** Position of the row in the dataset that was validated, from 1. */
  readonly record: number;
  /** The row as it was delivered. */
  readonly row: JsonObject;
  readonly reasons: readonly Issue[];
}

/** Whose rows these are, and who writes them. */
export interface QuarantineKey {
  readonly pipeline: string;
  readonly step: string;
  /** Null in a pipeline without partitions. */
  readonly partition: string | null;
  /**
   * Which of the deliveries that a step reads one after another these rows are of; empty where each run reads all there is,
   * so that its rows take the place of those before.
   */
  readonly delivery: string;
  readonly runId: string;
  readonly contract: string;
  /** A writer whose fence is lower than the highest seen for this pipeline, step and partition is refused. */
  readonly fence: number;
  /** Milliseconds since the epoch, UTC. */
  readonly at: number;
}

/** How many rows have an issue of this path and rule. A row with several issues counts under each. */
export interface ReasonCount {
  readonly path: string;
  readonly rule: string;
  readonly count: number;
}

export interface QuarantineGroup extends Omit<QuarantineKey, "fence"> {
  /** Never 0. */
  readonly rows: number;
  /** The most frequent first. */
  readonly reasons: readonly ReasonCount[];
}

export interface StoredQuarantinedRow extends QuarantinedRow {
  /** Grows with the position in the listing: the `after` of the next page. */
  readonly id: number;
  readonly step: string;
  readonly partition: string | null;
  readonly runId: string;
}

/** One row that is to be judged again, mended or not. */
export interface ReplayedRow {
  readonly record: number;
  readonly row: JsonObject;
}

/** What one attempt of a validate step judges in place of what it would. */
export interface Replay {
  /** Idempotency key of the step in the run that replays: every attempt at it finds the same rows. */
  readonly key: string;
  readonly pipeline: string;
  readonly step: string;
  readonly partition: string | null;
  /** whole: the dataset, with these rows in place of those at their records · rows: these rows and no others. */
  readonly mode: "whole" | "rows";
  /** The delivery that the rows are of. */
  readonly delivery: string;
  /** Valid rows of the same delivery that went on before these; null where the whole of it is judged again. */
  readonly before: number | null;
  /** Milliseconds since the epoch, UTC. */
  readonly at: number;
}

export interface StagedReplay extends Replay {
  readonly rows: number;
}

export type QuarantineBatches = AsyncIterable<readonly QuarantinedRow[]> | Iterable<readonly QuarantinedRow[]>;

export interface QuarantineStore {
  /**
   * Makes `rows` the quarantined rows of the key's pipeline, step, partition and delivery, in place of those that were there: all
   * at once or not at all, in bounded memory. No rows empties it. Throws FENCED if a higher fence has written there.
   * Returns how many rows it holds now.
   */
  replace(key: QuarantineKey, rows: QuarantineBatches): Promise<number>;
  /** What lies in quarantine, the newest first. */
  list(filter: {
    readonly pipeline?: string;
    readonly partition?: string | null;
    readonly limit: number;
  }): Promise<QuarantineGroup[]>;
  /** Rows of a run's step in the order of their records; `after` is the id of the last row of the page before. */
  show(filter: {
    readonly pipeline: string;
    readonly step?: string;
    readonly partition?: string | null;
    readonly run?: string;
    readonly limit: number;
    readonly after?: number;
  }): Promise<StoredQuarantinedRow[]>;
  /** Empties places, whoever wrote them last; their fences stay. Returns how many rows went. */
  drop(filter: {
    readonly pipeline: string;
    readonly step?: string;
    readonly partition?: string | null;
    readonly run?: string;
  }): Promise<number>;
  /** Keeps what is to be replayed, in place of what was kept for the same place before: all at once. */
  stage(
    replay: Replay,
    rows: AsyncIterable<readonly ReplayedRow[]> | Iterable<readonly ReplayedRow[]>,
  ): Promise<number>;
  /** What was staged under a key; null for an ordinary run. */
  staged(key: string): Promise<StagedReplay | null>;
  /** Its rows in the order of their records, from after a record. */
  stagedRows(key: string, options: { readonly after?: number; readonly limit: number }): Promise<ReplayedRow[]>;
  /** Empties places written before a time, and forgets replays staged before it. Returns how many rows went. */
  prune(before: number): Promise<number>;
  close(): void;
}
