// How a load treats what its table holds, as plain data. What each disposition does to the rows is the sinks' work; what it
// means is said here, once, for all of them.
import { SluiceError } from "../errors.ts";

/**
 * - `append`: the rows are added.
 * - `replace`: the table holds these rows and no others.
 * - `replace-partition`: the rows of this partition are these and no others; other partitions stay.
 * - `merge(…)`: rows are matched with those that are there by their key.
 * - `retain(…)`: rows whose key isn't among these are deleted; nothing is added.
 */
export type WriteDisposition = "append" | "replace" | "replace-partition" | Merge | Retain;

/**
 * How rows meet those of the same key:
 *
 * - `upsert`: they take their place; others are added. Columns that aren't loaded keep their values.
 * - `delete-insert`: all rows of these keys are deleted, then all rows are inserted. The key need not be unique.
 * - `insert-only`: they are left out; others are added.
 * - `scd2`: history is kept (slowly changing dimension, type 2): a changed row is closed by the time of the load in
 *   `_sluice_valid_to`, and the new one begins in `_sluice_valid_from`. An unchanged row stays as it is.
 */
export type MergeStrategy = "upsert" | "delete-insert" | "insert-only" | "scd2";

/** A merge by key, as plain data. */
export interface Merge {
  readonly by: "merge";
  readonly strategy: MergeStrategy;
  /** Columns that make the key. Never null in a row. */
  readonly key: readonly string[];
  /** Of rows with the same key in one load, the one with the greatest value here counts; null: the last. */
  readonly latest: string | null;
  /** A BOOLEAN column: where it is true, the row of this key is deleted, or closed. It isn't loaded itself. */
  readonly deleted: string | null;
  /** scd2: what happens to current rows whose key isn't in the load. */
  readonly absent: "keep" | "close";
}

/** Deletes what is gone from the source, as plain data. */
export interface Retain {
  readonly by: "retain";
  readonly key: readonly string[];
  /** A load that would delete a greater share of the table's rows, 0 to 1, is refused with SINK_REFUSED. */
  readonly maxDeleted: number;
}

/** What a merge does beside matching by key. */
export interface MergeOptions {
  /** @default "upsert" */
  readonly strategy?: MergeStrategy;
  /** Of rows with the same key in one load, the one with the greatest value in this column counts. @default the last one counts */
  readonly latest?: string;
  /** A BOOLEAN column that marks rows deleted at the source: where it is true, the table's row goes. It isn't loaded itself. */
  readonly deleted?: string;
  /** With `scd2`: close current rows whose key isn't in the load, where a load is the whole of the source. @default "keep" */
  readonly absent?: "keep" | "close";
}

/**
 * A write disposition that matches rows by their key. Every strategy but `delete-insert` has a row for a key once: of
 * repeats within a load, `latest` says which counts. A row without its key is refused with SINK_KEY.
 *
 * ```ts
 * load(changes, warehouse.table("orders"), { write: merge("order_id", { latest: "updated_at", deleted: "is_deleted" }) });
 * ```
 */
export function merge(key: string | readonly string[], options: MergeOptions = {}): Merge {
  const { strategy = "upsert", latest = null, deleted = null, absent = "keep" } = options;
  if (absent === "close" && strategy !== "scd2") {
    throw new SluiceError(
      "DEFINITION_INVALID",
      `merge(): absent: "close" goes with strategy: "scd2", not "${strategy}"`,
      {
        hint: "To delete what is gone from the source, load its keys with retain(…).",
      },
    );
  }
  if (strategy === "delete-insert" && latest !== null) {
    throw new SluiceError(
      "DEFINITION_INVALID",
      'merge(): with "delete-insert" every row of a key counts, so `latest` has no meaning',
      {
        hint: 'Leave it out, or use strategy: "upsert".',
      },
    );
  }
  return Object.freeze({ by: "merge", strategy, key: keyOf("merge", key), latest, deleted, absent });
}

/** What keeps a retaining load from emptying a table by mistake. */
export interface RetainOptions {
  /** Refuse to delete a greater share of the table's rows than this, 0 to 1. @default 0.5 */
  readonly maxDeleted?: number;
}

/**
 * A write disposition that deletes the rows whose key isn't in the dataset: reads by cursor never see what was deleted at the
 * source, a list of its keys does. The keys are read after the rows, which `after` says:
 *
 * ```ts
 * const orders = step("orders", load(changes, warehouse.table("orders"), { write: merge("id") }));
 * const keys = step("keys", extract(shop.query(sql`select id from orders`)), { after: orders });
 * step("deleted", load(keys, warehouse.table("orders"), { write: retain("id") }));
 * ```
 */
export function retain(key: string | readonly string[], options: RetainOptions = {}): Retain {
  const { maxDeleted = 0.5 } = options;
  if (!(maxDeleted >= 0 && maxDeleted <= 1)) {
    throw new SluiceError("DEFINITION_INVALID", `retain(): maxDeleted is ${maxDeleted}`, {
      hint: "It is a share, from 0 to 1.",
    });
  }
  return Object.freeze({ by: "retain", key: keyOf("retain", key), maxDeleted });
}

/** What a sink says it can do: the names of the dispositions, a merge by its strategy. */
export type WriteName = "append" | "replace" | "replace-partition" | MergeStrategy | "retain";

export function writeName(write: WriteDisposition): WriteName {
  if (typeof write === "string") return write;
  return write.by === "merge" ? write.strategy : "retain";
}

function keyOf(what: string, key: string | readonly string[]): readonly string[] {
  const columns = typeof key === "string" ? [key] : [...key];
  if (columns.length > 0 && columns.every((name) => name !== "") && new Set(columns).size === columns.length)
    return Object.freeze(columns);
  throw new SluiceError(
    "DEFINITION_INVALID",
    `${what}(): [${columns.map((name) => `"${name}"`).join(", ")}] is no key`,
    {
      hint: 'Name one column or several, each once: "id", or ["user_id", "event_id"].',
    },
  );
}
