// What the write dispositions mean, said a second time as a model in memory, and random histories of loads to try both with.
import fc from "fast-check";
import { merge, retain, type WriteDisposition, type WriteName } from "../../src/connect/write-disposition.ts";
import type { Row } from "../../src/dataset/session.ts";
import { milliseconds } from "./sink.ts";

interface ModelRow {
  /** The key: two columns, text with traps and a number. */
  readonly k: string;
  readonly n: number;
  readonly v: number | null;
}

interface OfferedRow extends ModelRow {
  readonly u: number | null;
  readonly gone: boolean | null;
}

export interface ModelLoad {
  readonly write: WriteDisposition;
  readonly rows: readonly OfferedRow[];
  readonly partition: string | null;
  readonly at: number;
}

interface KeptRow extends ModelRow {
  readonly partition: string | null;
  readonly from: number | null;
  readonly to: number | null;
}

export interface Model {
  /** The rows loaded, or the code of the refusal. */
  load(load: ModelLoad): number | string;
  rows(): string[];
  keepsHistory(): boolean;
}

const keyOf = (row: Pick<ModelRow, "k" | "n">): string => JSON.stringify([row.k, row.n]);

export function modelOf(): Model {
  let rows: KeptRow[] = [];
  let [made, history] = [false, false];
  const kept = (row: OfferedRow, partition: string | null, from: number | null = null): KeptRow => ({
    k: row.k,
    n: row.n,
    v: row.v,
    partition,
    from,
    to: null,
  });
  return {
    keepsHistory: () => history,
    rows: () =>
      rows
        .map(({ k, n, v, from, to }) => [k, n, v ?? "-", ...(history ? [from ?? "-", to ?? "-"] : [])].join(" "))
        .sort(),
    load: ({ write, rows: offered, partition, at }) => {
      const keys = new Set(offered.map(keyOf));
      if (typeof write !== "string" && write.by === "retain") {
        if (!made) return 0;
        const left = rows.filter((row) => keys.has(keyOf(row)));
        if (rows.length - left.length > rows.length * write.maxDeleted) return "SINK_REFUSED";
        rows = left;
        return left.length;
      }
      made = true;
      if (typeof write === "string") {
        if (write === "replace") rows = [];
        if (write === "replace-partition") rows = rows.filter((row) => row.partition !== partition);
        rows = [...rows, ...offered.map((row) => kept(row, partition))];
        return offered.length;
      }
      const winners = winnersOf(offered, write.latest);
      const isGone = (row: OfferedRow): boolean => write.deleted !== null && row.gone === true;
      const present = new Set(rows.map(keyOf));
      const arriving = winners.filter((row) => !isGone(row));
      switch (write.strategy) {
        case "delete-insert": {
          const all = offered.filter((row) => !isGone(row));
          rows = [...rows.filter((row) => !keys.has(keyOf(row))), ...all.map((row) => kept(row, partition))];
          return all.length;
        }
        case "insert-only": {
          const gone = new Set(winners.filter(isGone).map(keyOf));
          rows = rows.filter((row) => !gone.has(keyOf(row)));
          rows = [...rows, ...arriving.filter((row) => !present.has(keyOf(row))).map((row) => kept(row, partition))];
          return arriving.length;
        }
        case "upsert": {
          // A key that was there more than once, by append, is so afterwards.
          const byKey = new Map(winners.map((row) => [keyOf(row), row]));
          rows = rows.flatMap((row) => {
            const winner = byKey.get(keyOf(row));
            if (winner === undefined) return [row];
            return isGone(winner) ? [] : [kept(winner, partition)];
          });
          rows = [...rows, ...arriving.filter((row) => !present.has(keyOf(row))).map((row) => kept(row, partition))];
          return arriving.length;
        }
        case "scd2": {
          history = true;
          const time = Math.max(at, ...rows.flatMap((row) => [row.from ?? -Infinity, row.to ?? -Infinity]));
          const byKey = new Map(winners.map((row) => [keyOf(row), row]));
          rows = rows.map((row) => {
            if (row.to !== null) return row;
            const winner = byKey.get(keyOf(row));
            const ends = winner === undefined ? write.absent === "close" : isGone(winner) || winner.v !== row.v;
            return ends ? { ...row, to: time } : row;
          });
          const current = new Set(rows.filter((row) => row.to === null).map(keyOf));
          rows = [
            ...rows,
            ...arriving.filter((row) => !current.has(keyOf(row))).map((row) => kept(row, partition, time)),
          ];
          return arriving.length;
        }
      }
    },
  };
}

function winnersOf(offered: readonly OfferedRow[], latest: string | null): OfferedRow[] {
  const winners = new Map<string, OfferedRow>();
  for (const row of offered) {
    const before = winners.get(keyOf(row));
    const rank = (one: OfferedRow): number => (latest === null ? 0 : (one.u ?? -Infinity));
    if (before === undefined || rank(row) >= rank(before)) winners.set(keyOf(row), row);
  }
  return [...winners.values()];
}

/** Rows as text, in order; with the two times of history, where there is one. */
export function seenIn(rows: readonly Row[], columns: readonly string[], history: boolean): string[] {
  const time = (value: unknown): string => (value === null || value === undefined ? "-" : String(milliseconds(value)));
  return rows
    .map((row) =>
      [
        ...columns.map((name) => String(row[name] ?? "-")),
        ...(history && "_sluice_valid_from" in row
          ? [time(row["_sluice_valid_from"]), time(row["_sluice_valid_to"])]
          : []),
      ].join(" "),
    )
    .sort();
}

/** The query that makes the rows of a load. Of the columns that only steer a merge, those are there that it names. */
export function rowsSql({ write, rows }: ModelLoad): string {
  const deleted = typeof write === "object" && write.by === "merge" && write.deleted !== null;
  const columns = [
    "k::VARCHAR AS k",
    "n::INTEGER AS n",
    "v::BIGINT AS v",
    "u::INTEGER AS u",
    ...(deleted ? ["gone::BOOLEAN AS gone"] : []),
  ];
  const list = rows.map(
    ({ k, n, v, u, gone }) => `(${[`'${k}'`, n, v, u, gone].map((value) => value ?? "NULL").join(", ")})`,
  );
  const from =
    list.length === 0
      ? "(SELECT NULL AS k, NULL AS n, NULL AS v, NULL AS u, NULL AS gone WHERE false)"
      : `(VALUES ${list.join(", ")})`;
  return `SELECT ${columns.join(", ")} FROM ${from} AS t(k, n, v, u, gone)`;
}

const row: fc.Arbitrary<OfferedRow> = fc.record({
  k: fc.constantFrom("a", "A", "a ", "", "é", "x"),
  n: fc.constantFrom(1, 2),
  v: fc.constantFrom(null, 1, 2, 3, 9_007_199_254_740),
  u: fc.constantFrom(null, 1, 2, 3),
  gone: fc.constantFrom(null, false, false, true),
});

const key = ["k", "n"];

/** Histories by what a sink can do: those that keep history in the table and those that don't. */
export function historiesOf(writes: readonly WriteName[]): fc.Arbitrary<readonly ModelLoad[]> {
  const can = (name: WriteName): boolean => writes.includes(name);
  const latest = fc.constantFrom(undefined, "u");
  const deleted = fc.constantFrom(undefined, "gone");
  const merging = (strategy: "upsert" | "insert-only" | "delete-insert" | "scd2"): fc.Arbitrary<WriteDisposition> =>
    fc.record({ latest, deleted, absent: fc.constantFrom("keep", "close") }).map((given) =>
      merge(key, {
        strategy,
        ...(given.latest === undefined || strategy === "delete-insert" ? {} : { latest: given.latest }),
        ...(given.deleted === undefined ? {} : { deleted: given.deleted }),
        ...(strategy === "scd2" ? { absent: given.absent as "keep" | "close" } : {}),
      }),
    );
  const plain: fc.Arbitrary<WriteDisposition>[] = [
    ...(["append", "replace", "replace-partition"] as const).filter(can).map((name) => fc.constant(name)),
    ...(["upsert", "insert-only", "delete-insert"] as const).filter(can).map(merging),
    ...(can("retain") ? [fc.constantFrom(0.5, 1).map((maxDeleted) => retain(key, { maxDeleted }))] : []),
  ];
  const loadsOf = (write: fc.Arbitrary<WriteDisposition>): fc.Arbitrary<ModelLoad[]> =>
    fc.array(
      fc.record({
        write,
        rows: fc.array(row, { maxLength: 8 }),
        partition: fc.constantFrom("d1", "d2"),
        at: fc.integer({ min: 1, max: 5 }).map((hour) => Date.UTC(2026, 0, 1, hour)),
      }),
      { minLength: 3, maxLength: 8 },
    );
  // `u` must not count as a change: histories compare the whole row.
  const still = (loads: ModelLoad[]): ModelLoad[] =>
    loads.map((load) => ({ ...load, rows: load.rows.map((one) => ({ ...one, u: 1 })) }));
  const histories = [loadsOf(fc.oneof(...plain)), ...(can("scd2") ? [loadsOf(merging("scd2")).map(still)] : [])];
  return fc.oneof(...histories);
}
