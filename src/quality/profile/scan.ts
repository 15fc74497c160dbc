// Profiles a table: its first rows for what is to be expected, one scan for what there is in each column, and one each for
// histograms, whose bins the first has found, and for frequent values: that costs less than sketching them. Only the
// columns' digests come out of the engine, and a sample of vectors.
import { cellClass } from "../cell.ts";
import type { Column } from "../../dataset/dataset.ts";
import type { Row, Session } from "../../dataset/session.ts";
import { quoteIdentifier } from "../../dataset/sql.ts";
import { cutShares, discreteLimit, type Histogram } from "./histogram.ts";
import {
  type ColumnProfile,
  hashesKept,
  type NumberProfile,
  type Profile,
  type TextProfile,
  type ValueCounts,
  valuesKept,
} from "./profile.ts";
import { shapeCounts, shapesOf } from "./shapes.ts";
import { profileVectors, vectorsDrawn } from "./vectors.ts";

export interface ScanOptions {
  /** How many texts look like numbers, times, addresses …? It costs more than all else. @default false */
  readonly shapes?: boolean;
  /** Rows that are to be expected, where it is known: exact quantiles up to 100,000, close ones above. */
  readonly rows?: number;
  /** Columns of numbers whose values are to be counted as names. */
  readonly categories?: readonly string[];
}

/** Profiles the rows of `relation`: SQL that stands in a FROM clause. */
export async function profileRelation(
  session: Session,
  relation: string,
  columns: readonly Column[],
  options: ScanOptions = {},
): Promise<Profile> {
  const measured = columns.map((column, position): Measured => ({
    column,
    cell: quoteIdentifier(column.name),
    id: `c${position}`,
  }));
  const exact = (options.rows ?? Infinity) <= 100_000;
  const many = await manyValued(session, relation, measured, options.rows);
  const first = measured.flatMap((item) => [
    ...firstAggregates(item, exact, options.shapes ?? false),
    ...smallestValues(item, many.has(item)),
  ]);
  const [read] = await session.rows(`SELECT count(*) AS n, ${["true", ...first].join(", ")} FROM ${relation}`);
  const found = { ...read, ...(await smallestOfFew(session, relation, many, read!)) };
  const rows = Number(found["n"]);
  const edges = new Map(
    measured
      .filter(isNumber)
      .map((item): [string, Pick<Histogram, "edges" | "discrete">] => [item.id, edgesFrom(found, item.id)]),
  );
  const counts = await countBins(session, relation, measured.filter(isNumber), edges);
  const values = await frequentValues(
    session,
    relation,
    measured.filter((item) => hasValues(item, found, options.categories ?? [])),
  );
  const profiles: ColumnProfile[] = [];
  for (const item of measured) {
    const histogram = edges.has(item.id) ? { ...edges.get(item.id)!, counts: counts.get(item.id)! } : null;
    const vectors = isVector(item.column.type)
      ? profileVectors(await drawVectors(session, relation, item.column.name))
      : null;
    profiles.push({
      name: item.column.name,
      type: item.column.type,
      rows,
      nulls: rows - Number(found[`${item.id}_there`]),
      hashes: ((found[`${item.id}_hashes`] as string[] | null) ?? []).map(String),
      numbers: histogram === null ? null : numbersFrom(found, item.id, histogram),
      texts: cellClass(item.column.type) === "text" ? textsFrom(found, item.id, options.shapes ?? false) : null,
      times: timesFrom(found, item.id),
      values: values.get(item.id) ?? null,
      vectors,
    });
  }
  return { kind: "sluice.profile", format: 1, rows, columns: profiles };
}

interface Measured {
  readonly column: Column;
  readonly cell: string;
  readonly id: string;
}

export function isNumberType(type: string): boolean {
  return ["integer", "double", "decimal"].includes(cellClass(type));
}

function isNumber({ column }: Measured): boolean {
  return isNumberType(column.type);
}

/** Is it a list of floating-point numbers? */
export function isVector(type: string): boolean {
  return /^(?:FLOAT|DOUBLE)\[\d*\]$/.test(type);
}

function isTime(type: string): boolean {
  return /^(?:DATE|TIMESTAMP)/.test(type);
}

/** Rows at the start by which it is guessed in which columns values seldom repeat. */
const rowsTried = 20_480;
/** Hashes below this are a sixteenth of all. */
const lowHash = String(2n ** 60n);

/** Columns of which many different values are to be expected. A wrong guess costs time and nothing else. */
async function manyValued(
  session: Session,
  relation: string,
  measured: readonly Measured[],
  rows: number | undefined,
): Promise<ReadonlySet<Measured>> {
  if (measured.length === 0 || (rows ?? Infinity) < rowsTried) return new Set();
  const counts = measured.map(({ cell, id }) => `count(DISTINCT ${cell}) AS ${id}`);
  const start = `SELECT ${measured.map(({ cell }) => cell).join(", ")} FROM ${relation} LIMIT ${rowsTried}`;
  const [found] = await session.rows(`SELECT ${counts.join(", ")} FROM (${start})`);
  // Of 8,192 values about 512 have a low hash: twice as many as are kept.
  return new Set(measured.filter(({ id }) => Number(found![id]) >= rowsTried / 2.5));
}

/**
 * The smallest hashes of a column, and its smallest numbers as far as they tell whether there are few. A table of all values
 * would cost more than all else: of `many` it has those with a low hash, which must then be enough.
 */
function smallestValues({ column, cell, id }: Measured, many: boolean): string[] {
  const low = (value: string): string => (many ? ` AND hash(${value}) < ${lowHash}` : "");
  const number = `CAST(${cell} AS DOUBLE)`;
  return [
    `min(DISTINCT hash(${cell}), ${hashesKept}) FILTER (${cell} IS NOT NULL${low(cell)}) AS ${id}_hashes`,
    ...(isNumberType(column.type)
      ? [`min(DISTINCT ${number}, ${discreteLimit + 1}) FILTER (isfinite(${number})${low(number)}) AS ${id}_values`]
      : []),
  ];
}

/** The same once more, of all values, for columns in which they were not enough. */
async function smallestOfFew(
  session: Session,
  relation: string,
  many: ReadonlySet<Measured>,
  found: Row,
): Promise<Row> {
  const lengthOf = (name: string): number => ((found[name] as unknown[] | null) ?? []).length;
  const few = [...many].filter(
    (item) =>
      lengthOf(`${item.id}_hashes`) < hashesKept || (isNumber(item) && lengthOf(`${item.id}_values`) <= discreteLimit),
  );
  if (few.length === 0) return {};
  const aggregates = few.flatMap((item) => smallestValues(item, false));
  return (await session.rows(`SELECT ${aggregates.join(", ")} FROM ${relation}`))[0]!;
}

function firstAggregates({ column, cell, id }: Measured, exact: boolean, shapes: boolean): string[] {
  const aggregates = [`count(${cell}) AS ${id}_there`];
  const type = cellClass(column.type);
  if (type === "text") {
    aggregates.push(
      `min(length(${cell})) AS ${id}_short`,
      `max(length(${cell})) AS ${id}_long`,
      `count(*) FILTER (${cell} = '') AS ${id}_empty`,
      ...(shapes ? shapeCounts(cell, id) : []),
    );
  } else if (isNumberType(column.type)) {
    const number = `CAST(${cell} AS DOUBLE)`;
    // Integers and decimals are finite, and integers whole: what is known is not asked.
    const finite = type === "double" ? ` FILTER (isfinite(${number}))` : "";
    const shares = `[${cutShares.join(", ")}]`;
    aggregates.push(
      `${type === "double" ? `count_if(isnan(${number}))` : "0"} AS ${id}_nans`,
      `${type === "double" ? `count_if(isinf(${number}))` : "0"} AS ${id}_infinite`,
      `${type === "integer" ? `count(${cell})` : `count_if(${number} = floor(${number}))${finite}`} AS ${id}_whole`,
      `count_if(${number} < 0) AS ${id}_negative`,
      `min(${number})${finite} AS ${id}_min`,
      `max(${number})${finite} AS ${id}_max`,
      `avg(${number})${finite} AS ${id}_mean`,
      `${exact ? "quantile_cont" : "approx_quantile"}(${number}, ${shares})${finite} AS ${id}_cuts`,
    );
  } else if (isTime(column.type)) {
    aggregates.push(`CAST(min(${cell}) AS VARCHAR) AS ${id}_first`, `CAST(max(${cell}) AS VARCHAR) AS ${id}_last`);
  }
  return aggregates;
}

function edgesFrom(found: Row, id: string): Pick<Histogram, "edges" | "discrete"> {
  const values = ((found[`${id}_values`] as unknown[] | null) ?? []).map(Number);
  if (values.length <= discreteLimit) return { edges: [...new Set(values)].sort((a, b) => a - b), discrete: true };
  const cuts = (found[`${id}_cuts`] as unknown[]).map(Number);
  return { edges: [...new Set(cuts)].sort((a, b) => a - b), discrete: false };
}

/**
 * Counts of each column's numbers between its edges, in one scan. The engine's bins include their upper edge; ours their
 * lower one: of the negated numbers it is the same.
 */
export async function countBins(
  session: Session,
  relation: string,
  columns: readonly { readonly cell: string; readonly id: string }[],
  edges: ReadonlyMap<string, { readonly edges: readonly number[] }>,
): Promise<Map<string, number[]>> {
  if (columns.length === 0) return new Map();
  const aggregates = columns.map(({ cell, id }) => {
    const number = `CAST(${cell} AS DOUBLE)`;
    const bounds = [...edges.get(id)!.edges].reverse().map((edge) => `CAST('${-edge}' AS DOUBLE)`);
    return `histogram(-${number}, CAST([${bounds.join(", ")}] AS DOUBLE[])) FILTER (NOT isnan(${number})) AS ${id}`;
  });
  const [found] = await session.rows(`SELECT ${aggregates.join(", ")} FROM ${relation}`);
  return new Map(
    columns.map(({ id }) => {
      const bins = (found![id] as { key: unknown; value: unknown }[] | null) ?? [];
      const counts = new Map(bins.map(({ key, value }) => [0 - Number(key), Number(value)]));
      const own = edges.get(id)!.edges;
      const above = own.map((edge) => counts.get(edge) ?? 0);
      return [id, [counts.get(-Infinity) ?? 0, ...above]];
    }),
  );
}

/** Values are worth counting where they are words or truths and not too many. */
function hasValues({ column, id }: Measured, found: Row, categories: readonly string[]): boolean {
  const type = cellClass(column.type);
  if (type === "truth") return true;
  if (type !== "text" && !categories.includes(column.name)) return false;
  const hashes = (found[`${id}_hashes`] as string[] | null) ?? [];
  // The 256th smallest of 10,000 hashes lies here.
  return hashes.length < hashesKept || Number(BigInt(hashes.at(-1)!)) / 2 ** 64 > hashesKept / 10_000;
}

async function frequentValues(
  session: Session,
  relation: string,
  columns: readonly Measured[],
): Promise<Map<string, ValueCounts>> {
  // A column is a bit of GROUPING's answer, and a bit is worth a number only up to 53.
  const parts: Map<string, ValueCounts>[] = [];
  for (let start = 0; start < columns.length; start += 40) {
    parts.push(await frequentValuesOf(session, relation, columns.slice(start, start + 40)));
  }
  return new Map(parts.flatMap((part) => [...part]));
}

async function frequentValuesOf(
  session: Session,
  relation: string,
  columns: readonly Measured[],
): Promise<Map<string, ValueCounts>> {
  const cells = columns.map(({ cell }) => cell);
  const value = columns.map(({ cell }, position) => `WHEN ${position} THEN CAST(${cell} AS VARCHAR)`).join(" ");
  // GROUPING sets the bit of each column that a row is not grouped by; the first column's is the highest.
  const which = columns.map(
    (_, position) => `WHEN ${2 ** columns.length - 1 - 2 ** (columns.length - 1 - position)} THEN ${position}`,
  );
  const grouping = columns.length === 1 ? "0" : `CASE GROUPING(${cells.join(", ")}) ${which.join(" ")} END`;
  const found = await session.rows(
    `SELECT which, value, count FROM (
       SELECT which, CASE which ${value} END AS value, count FROM (
         SELECT ${grouping} AS which, ${cells.join(", ")}, count(*) AS count FROM ${relation}
         GROUP BY GROUPING SETS (${cells.map((cell) => `(${cell})`).join(", ")})))
     WHERE value IS NOT NULL
     QUALIFY row_number() OVER (PARTITION BY which ORDER BY count DESC, value) <= ${valuesKept + 1}
     ORDER BY which, count DESC, value`,
  );
  return new Map(
    columns.map(({ id }, position) => {
      const own = found.filter(({ which: column }) => Number(column) === position);
      const top = own.slice(0, valuesKept).map((row) => ({ value: String(row["value"]), count: Number(row["count"]) }));
      return [id, { complete: own.length <= valuesKept, top }];
    }),
  );
}

/** Vectors of a column, drawn evenly and the same each time. */
export async function drawVectors(session: Session, relation: string, name: string): Promise<number[][]> {
  const cell = quoteIdentifier(name);
  const found = await session.rows(
    `SELECT v FROM (SELECT CAST(${cell} AS DOUBLE[]) AS v FROM ${relation} WHERE ${cell} IS NOT NULL)
     USING SAMPLE reservoir(${vectorsDrawn} ROWS) REPEATABLE (42)`,
  );
  return found.map(({ v }) => (v as unknown[]).map((value) => (value === null ? Number.NaN : Number(value))));
}

function numbersFrom(found: Row, id: string, histogram: Histogram): NumberProfile {
  const count = (name: string): number => Number(found[`${id}_${name}`]);
  const value = (name: string): number | null => {
    const read = found[`${id}_${name}`];
    return read === null || !Number.isFinite(Number(read)) ? null : Number(read);
  };
  return {
    nans: count("nans"),
    infinite: count("infinite"),
    whole: count("whole"),
    negative: count("negative"),
    min: value("min"),
    max: value("max"),
    mean: value("mean"),
    histogram,
  };
}

function textsFrom(found: Row, id: string, shapes: boolean): TextProfile | null {
  if (found[`${id}_short`] === null) return null;
  return {
    minLength: Number(found[`${id}_short`]),
    maxLength: Number(found[`${id}_long`]),
    empty: Number(found[`${id}_empty`]),
    shapes: shapes ? shapesOf(found, id) : null,
  };
}

function timesFrom(found: Row, id: string): ColumnProfile["times"] {
  const [first, last] = [found[`${id}_first`], found[`${id}_last`]];
  return typeof first === "string" && typeof last === "string" ? { first, last } : null;
}
