// Expectations that look at the past: whether a measured value is usual, how old the newest row is, whether the columns
// are still the same.
import type { Json } from "../../json.ts";
import { type Duration, milliseconds } from "../../pipeline/duration.ts";
import type { UsualOptions } from "./anomaly.ts";
import {
  commonOptions,
  type Expectation,
  type ExpectationOptions,
  makeExpectation,
  refuseDefinition,
  type ScopeOptions,
} from "./expectation.ts";

/** Measures that grow with the number of rows: they change in proportion. */
const volumes = new Set(["rowCount", "sum", "distinctCount"]);

/**
 * What an expectation measures is usual, given what it measured before: on earlier partitions where these are slices of
 * time, else in earlier runs. Until there is enough history it passes, and says so.
 *
 * ```ts
 * usual(rowCount(), { season: "week" })
 * ```
 */
export function usual(expectation: Expectation, options: UsualOptions = {}): Expectation {
  checkOptions(options);
  if (expectation.by.length > 0)
    refuseDefinition(
      "usual",
      `${expectation.title} is measured by group`,
      "Write one with `where` for each group that matters.",
    );
  const scale = options.scale ?? (volumes.has(expectation.name) ? "ratio" : "difference");
  const title = expectation.title.endsWith("is recorded")
    ? expectation.title.replace(/is recorded$/, "is usual")
    : `${expectation.title}, and is usual`;
  return Object.freeze({ ...expectation, title, history: { kind: "usual" as const, options: { ...options, scale } } });
}

function checkOptions(options: UsualOptions): void {
  const wrong = (what: string, hint: string): never => refuseDefinition("usual", what, hint);
  for (const name of ["sensitivity", "tolerance"] as const) {
    const value = options[name];
    if (value !== undefined && !(value >= 0)) wrong(`${name} is ${String(value)}`, "It is a number from 0.");
  }
  for (const name of ["window", "atLeast"] as const) {
    const value = options[name];
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 3))
      wrong(`${name} is ${String(value)}`, "It is a whole number from 3.");
  }
  if ((options.atLeast ?? 8) > (options.window ?? 60)) wrong("atLeast is above window", "Look at more values.");
  if (options.season !== undefined && !["week", "day"].includes(options.season))
    wrong(`season is ${String(options.season)}`, 'It is "week" or "day".');
}

/**
 * The newest time in a column is not older than `max`. Ages are measured as of now, or as of the end of the partition
 * where that is past; a column without a zone is read as UTC. What is observed is the age in seconds.
 *
 * ```ts
 * freshness("created_at", { max: "6h" })
 * ```
 */
export function freshness(column: string, options: ScopeOptions & { readonly max?: Duration } = {}): Expectation {
  const limit = options.max === undefined ? null : milliseconds(options.max) / 1000;
  return makeExpectation({
    name: "freshness",
    columns: [column],
    title: `the newest ${column} is ${limit === null ? "recorded" : `at most ${options.max!} old`}`,
    expected: options.max === undefined ? null : { max: options.max },
    options: commonOptions(options),
    check: (table) => {
      const cell = table.need(column, "time");
      return {
        type: "measure",
        aggregates: [(filter) => `epoch(CAST(max(${cell})${filter} AS TIMESTAMP WITH TIME ZONE))`],
        judge: ([newest]) => {
          const age = typeof newest === "number" ? table.asOf / 1000 - newest : null;
          return { success: limit === null || (age !== null && age <= limit), observed: age };
        },
      };
    },
  });
}

/**
 * The columns and their types are those of the time before; a renamed column is told as one. `added: "pass"` lets new
 * columns through. The first time there is nothing to compare with, and it passes.
 */
export function columnsUnchanged(options: ExpectationOptions & { readonly added?: "pass" | "fail" } = {}): Expectation {
  const added = options.added ?? "fail";
  const expectation = makeExpectation({
    name: "columnsUnchanged",
    columns: [],
    title: `the columns are those of the time before${added === "pass" ? ", and maybe new ones" : ""}`,
    expected: { added },
    options: commonOptions(options),
    check: ({ columns }) => ({
      type: "settled",
      finding: { success: true, observed: columns.map(({ name, type }) => ({ name, type })) as Json },
    }),
  });
  return Object.freeze({ ...expectation, history: { kind: "unchanged" as const, added } });
}
