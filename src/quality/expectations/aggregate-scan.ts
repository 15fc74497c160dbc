// The one scan: the aggregates of all expectations that are grouped alike, in one query over the dataset. Conditions
// are worked out once per row, under names, however many aggregates look at them.
import { also } from "./value-rules.ts";
import type { Row } from "../../dataset/session.ts";
import type { DistinctCount, RowCheck } from "./check.ts";
import { anyDistinct, distinctCountOf } from "./distinct.ts";
import { type GroupOutcome, groupOf, rowOutcome, type Slot, type SlotOutcome } from "./slot.ts";
import type { Source } from "./source.ts";
import { rowNumber } from "./table.ts";

/** More groups than this are a key, not groups. */
export const mostGroups = 10_000;

/** What a scan leaves to be done for a slot; null when it is judged. */
export type FollowUp = "window" | "texts" | null;

interface Reading {
  readonly slot: Slot;
  readonly read: (row: Row) => { readonly outcome: GroupOutcome; readonly next: FollowUp };
}

export interface Scanned {
  readonly outcome: SlotOutcome;
  readonly next: FollowUp;
}

/** Judges slots that have the same groups, as plainly as can be or as fast. Throws where the query fails. */
export async function scan(
  source: Source,
  slots: readonly Slot[],
  manner: "fast" | "plain" = "fast",
): Promise<Map<Slot, Scanned>> {
  const query = queryOf(slots, manner === "fast" ? await distinctFor(source, slots) : anyDistinct);
  const rows = await source.rows(query.text(source.sql));
  if (rows.length > mostGroups) {
    const error = `there are more than ${mostGroups} groups`;
    return new Map(slots.map((slot) => [slot, { outcome: { error }, next: null }]));
  }
  return new Map(
    query.readings.map(({ slot, read }) => {
      const found = rows.map(read);
      const next = found.find((group) => group.next !== null)?.next ?? null;
      return [slot, { outcome: { groups: found.map(({ outcome }) => outcome) }, next }];
    }),
  );
}

/** How the slots' distinct values are counted: by bits only where there are no groups, each of which would have its own. */
async function distinctFor(source: Source, slots: readonly Slot[]): Promise<DistinctCount> {
  if (slots[0]!.by.length > 0) return anyDistinct;
  const cells = new Set<string>();
  queryOf(slots, (cell, filter) => {
    cells.add(cell);
    return anyDistinct(cell, filter);
  });
  return cells.size === 0 ? anyDistinct : distinctCountOf(source, cells);
}

/** Names for SQL texts: the same text has the same name. */
function namesFor(prefix: string) {
  const names = new Map<string, string>();
  return {
    of: (text: string): string => {
      const name = names.get(text) ?? `${prefix}${names.size}`;
      names.set(text, name);
      return name;
    },
    list: (): string[] => [...names].map(([text, name]) => `${text} AS ${name}`),
  };
}

/**
 * How many rows meet a condition; null: all do. Where it is that a value is there, or missing, counting the values is all
 * there is to do: the engine knows without reading a column that has no nulls.
 */
function countOf(condition: string | null, filter: string, flag: (condition: string) => string): string {
  if (condition === null) return `count(*)${filter}`;
  const [, cell, not] =
    /^("(?:[^"]|"")+"|nullif\("(?:[^"]|"")+", CAST\('NaN' AS [A-Z]+\)\)) IS (NOT )?NULL$/.exec(condition) ?? [];
  if (cell === undefined) return `count_if(${flag(condition)})${filter}`;
  return not === undefined ? `(count(*)${filter} - count(${cell})${filter})` : `count(${cell})${filter}`;
}

function queryOf(slots: readonly Slot[], distinct: DistinctCount) {
  const flags = namesFor("f");
  const metrics = namesFor("m");
  const own = slots.every(({ check }) => check.type === "measure" && check.ownScan === true);
  const readings = slots.map((slot): Reading => {
    const { check, where } = slot;
    const filter = where === null || own ? "" : ` FILTER (WHERE ${flags.of(where)})`;
    switch (check.type) {
      case "rows": {
        const names = [null, check.counted, check.broken].map((condition) =>
          metrics.of(countOf(condition, filter, flags.of)),
        );
        const undecided =
          check.undecided === undefined || check.undecided.when === "true"
            ? null
            : metrics.of(countOf(check.undecided.when, filter, flags.of));
        return {
          slot,
          read: (row) => {
            const [all, counted, unexpected] = names.map((name) => Number(row[name])) as [number, number, number];
            const isOpen = check.undecided !== undefined && (undecided === null || Number(row[undecided]) > 0);
            return {
              outcome: rowOutcome(slot, groupOf(slot, row), {
                rows: all,
                judged: counted,
                broken: unexpected,
                records: [],
              }),
              next: isOpen && counted > 0 ? "texts" : null,
            };
          },
        };
      }
      case "window": {
        const [all, counted] = [null, check.counted].map((condition) =>
          metrics.of(countOf(condition, filter, flags.of)),
        ) as [string, string];
        const quick = check.quick?.aggregates.map((aggregate) => metrics.of(aggregate(filter, distinct))) ?? [];
        return {
          slot,
          read: (row) => {
            const holds = check.quick?.holds(quick.map((name) => row[name])) ?? false;
            const counts = { rows: Number(row[all]), judged: Number(row[counted]), broken: 0, records: [] };
            return {
              outcome: rowOutcome(slot, groupOf(slot, row), counts),
              next: holds || counts.judged === 0 ? null : "window",
            };
          },
        };
      }
      case "measure": {
        const names = check.aggregates.map((aggregate) => metrics.of(aggregate(filter, distinct)));
        const all = metrics.of(`count(*)${filter}`);
        const judged = slot.cell === null ? all : metrics.of(countOf(`${slot.cell} IS NOT NULL`, filter, flags.of));
        return {
          slot,
          read: (row) => ({
            outcome: {
              group: groupOf(slot, row),
              finding: check.judge(names.map((name) => row[name])),
              rows: Number(row[all]),
              judged: Number(row[judged]),
            },
            next: null,
          }),
        };
      }
      default:
        throw new Error(`${check.type} is not an aggregate`);
    }
  });
  const by = slots[0]!.by;
  const grouping = by.map((column, at) => `${column} AS g${at}`);
  const where = own && slots[0]!.where !== null ? ` WHERE ${slots[0]!.where}` : "";
  return {
    readings,
    text: (from: string): string => {
      const flagged = flags.list().length === 0 ? from : `(SELECT *, ${flags.list().join(", ")} FROM ${from})`;
      const groups = by.length === 0 ? "" : ` GROUP BY ${by.join(", ")} LIMIT ${mostGroups + 1}`;
      return `SELECT ${[...grouping, ...metrics.list()].join(", ")} FROM ${flagged}${where}${groups}`;
    },
  };
}

/** Rows of the dataset's start in which broken ones are looked for first: a row group as the engine writes them. */
const firstRows = 122_880;

/**
 * Positions of the first rows that break rules about rows, `size` of each: `broken` says how many there are. All that are
 * not among the dataset's first rows are found in one scan.
 */
export async function brokenRecords(
  source: Source,
  broken: ReadonlyMap<Slot, number>,
  size: number,
): Promise<Map<Slot, readonly number[]>> {
  if (size === 0) return new Map();
  const start = source.dataset.rows > firstRows ? source.first(firstRows) : null;
  const found =
    start === null ? new Map<Slot, number[]>() : await recordsWhere(source, [...broken.keys()], size, start);
  const rest = [...broken].filter(([slot, count]) => (found.get(slot)?.length ?? 0) < Math.min(size, count));
  const missing = rest.map(([slot]) => slot);
  return new Map([...found, ...(await recordsWhere(source, missing, size, null))]);
}

async function recordsWhere(
  source: Source,
  slots: readonly Slot[],
  size: number,
  where: string | null,
): Promise<Map<Slot, number[]>> {
  if (slots.length === 0) return new Map();
  const flags = namesFor("f");
  const metrics = namesFor("m");
  const readings = slots.map((slot) => {
    const broken = also("", flags.of((slot.check as RowCheck).broken));
    const filter = slot.where === null ? broken : also(broken, flags.of(slot.where));
    return [slot, metrics.of(`min(${rowNumber}, ${size})${filter}`)] as const;
  });
  const flagged = `(SELECT *, ${flags.list().join(", ")} FROM ${source.sql})`;
  const only = where === null ? "" : ` WHERE ${where}`;
  const [row] = await source.rows(`SELECT ${metrics.list().join(", ")} FROM ${flagged}${only}`);
  return new Map(
    readings.map(([slot, name]) => [slot, ((row?.[name] as unknown[] | null | undefined) ?? []).map(Number)]),
  );
}
