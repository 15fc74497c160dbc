// The one scan: the aggregates of all expectations that are grouped alike, in one query over the dataset. Conditions
// are worked out once per row, under names, however many aggregates look at them.
import { also } from "./value-rules.ts";
import type { Row } from "../../dataset/session.ts";
import type { RowCheck } from "./check.ts";
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

/** Judges slots that have the same groups. Throws where the query fails. */
export async function scan(source: Source, slots: readonly Slot[]): Promise<Map<Slot, Scanned>> {
  const query = queryOf(slots);
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

/** How many rows are judged. Where these are the rows that have a value, counting the values is all there is to do. */
function judgedCount(counted: string | null, filter: string, flag: (condition: string) => string): string {
  if (counted === null) return `count(*)${filter}`;
  const cell = /^("(?:[^"]|"")+") IS NOT NULL$/.exec(counted)?.[1];
  return cell === undefined ? `count(*)${also(filter, flag(counted))}` : `count(${cell})${filter}`;
}

function queryOf(slots: readonly Slot[]) {
  const flags = namesFor("f");
  const metrics = namesFor("m");
  const own = slots.every(({ check }) => check.type === "measure" && check.ownScan === true);
  const readings = slots.map((slot): Reading => {
    const { check, where } = slot;
    const filter = where === null || own ? "" : ` FILTER (WHERE ${flags.of(where)})`;
    switch (check.type) {
      case "rows": {
        const judged = judgedCount(check.counted, filter, flags.of);
        const broken = also(filter, flags.of(check.broken));
        const names = [metrics.of(`count(*)${filter}`), metrics.of(judged), metrics.of(`count(*)${broken}`)];
        const undecided =
          check.undecided === undefined || check.undecided.when === "true"
            ? null
            : metrics.of(`count(*)${also(filter, flags.of(check.undecided.when))}`);
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
        const [all, counted] = [
          metrics.of(`count(*)${filter}`),
          metrics.of(judgedCount(check.counted, filter, flags.of)),
        ];
        const quick = check.quick?.aggregates.map((aggregate) => metrics.of(aggregate(filter))) ?? [];
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
        const names = check.aggregates.map((aggregate) => metrics.of(aggregate(filter)));
        const all = metrics.of(`count(*)${filter}`);
        const judged = slot.cell === null ? all : metrics.of(judgedCount(`${slot.cell} IS NOT NULL`, filter, flags.of));
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

/** Positions of the first rows that break rules about rows, `size` of each, in one scan. */
export async function brokenRecords(
  source: Source,
  slots: readonly Slot[],
  size: number,
): Promise<Map<Slot, readonly number[]>> {
  if (slots.length === 0 || size === 0) return new Map();
  const flags = namesFor("f");
  const metrics = namesFor("m");
  const readings = slots.map((slot) => {
    const broken = also("", flags.of((slot.check as RowCheck).broken));
    const filter = slot.where === null ? broken : also(broken, flags.of(slot.where));
    return [slot, metrics.of(`min(${rowNumber}, ${size})${filter}`)] as const;
  });
  const flagged = `(SELECT *, ${flags.list().join(", ")} FROM ${source.sql})`;
  const [row] = await source.rows(`SELECT ${metrics.list().join(", ")} FROM ${flagged}`);
  return new Map(
    readings.map(([slot, name]) => [slot, ((row?.[name] as unknown[] | null | undefined) ?? []).map(Number)]),
  );
}
