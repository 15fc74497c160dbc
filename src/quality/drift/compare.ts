// Measures a table against a profile: which columns can be compared, over which bins, and what the measures say.
import type { Row, Session } from "../../dataset/session.ts";
import { quoteIdentifier, quoteLiteral } from "../../dataset/sql.ts";
import type { ColumnProfile, Profile } from "../profile/profile.ts";
import { countBins, drawVectors } from "../profile/scan.ts";
import { isFinite } from "../profile/vectors.ts";
import type { MeasuredColumn } from "./chance.ts";
import { measureCategories } from "./measure-categories.ts";
import { measureNumbers, type Thresholds } from "./measure-numbers.ts";
import { measureVectors } from "./measure-vectors.ts";
import type { DriftBin } from "./result.ts";

export interface Comparison {
  readonly session: Session;
  /** The current rows: SQL that stands in a FROM clause. */
  readonly relation: string;
  readonly reference: Profile;
  readonly current: Profile;
  /** Names of the columns to compare; null for all that can be. */
  readonly columns: readonly string[] | null;
  readonly thresholds: Thresholds;
  /** Rows without which a side is not judged. */
  readonly minRows: number;
}

/** The measures of every column that both sides have; one more scan of the current rows, over the reference's bins. */
export async function compareTable(comparison: Comparison): Promise<MeasuredColumn[]> {
  const { session, relation, columns, reference, current, minRows } = comparison;
  const pairs = reference.columns
    .filter(({ name }) => columns === null || columns.includes(name))
    .flatMap((before) => {
      const now = current.columns.find(({ name }) => name === before.name);
      return now === undefined ? [] : [{ before, now }];
    });
  const judged = pairs.map((pair): Pair => ({
    ...pair,
    kind: kindOf(pair.before),
    obstacle: obstacleOf(pair, minRows),
  }));
  const open = judged.filter(({ obstacle }) => obstacle === null);
  const numbers = await countNumbers(session, relation, open);
  const categories = await countCategories(session, relation, open);
  const measured: MeasuredColumn[] = [];
  for (const { before, now, kind, obstacle } of judged) {
    const common = { column: before.name, kind, referenceRows: before.rows, currentRows: now.rows, obstacle };
    if (obstacle !== null) {
      // Asked for by name, a column is answered for; of all columns, those that can't be compared go without saying.
      if (columns !== null || obstacle.verdict !== "not compared") measured.push({ ...common, measures: [], bins: [] });
      continue;
    }
    measured.push({ ...common, ...(await measure(comparison, { before, now, kind }, numbers, categories)) });
  }
  return measured;
}

interface Pair {
  readonly before: ColumnProfile;
  readonly now: ColumnProfile;
  readonly kind: MeasuredColumn["kind"];
  readonly obstacle: MeasuredColumn["obstacle"];
}

function kindOf({ numbers, vectors, values }: ColumnProfile): MeasuredColumn["kind"] {
  return vectors !== null ? "vector" : numbers !== null && values === null ? "number" : "category";
}

function obstacleOf({ before, now }: Pick<Pair, "before" | "now">, minRows: number): MeasuredColumn["obstacle"] {
  const none = (reason: string): MeasuredColumn["obstacle"] => ({ verdict: "not compared", reason });
  const kind = kindOf(before);
  if (kind === "category" && before.values === null) {
    if (before.nulls === before.rows && before.rows > 0) return none("the baseline has nothing but nulls");
    if (before.times !== null) return none("times always move on");
    return none(before.texts === null ? `a ${before.type} is not compared` : "more than 10,000 different values");
  }
  const few = Math.min(before.rows, now.rows);
  if (few < minRows) {
    const side = before.rows <= now.rows ? "baseline" : "dataset";
    return { verdict: "insufficient data", reason: `the ${side} has ${few} rows; ${minRows} are needed` };
  }
  if (kind === "number" && now.numbers === null) return none(`was ${before.type}, is ${now.type}`);
  if (kind !== "vector") return null;
  if (now.vectors === null) return none("the vectors are missing, or differ in length");
  if (now.vectors.dimensions !== before.vectors!.dimensions) {
    return none(`vectors had ${before.vectors!.dimensions} dimensions, now have ${now.vectors.dimensions}`);
  }
  return Math.min(before.vectors!.vectors, now.vectors.vectors) < minRows
    ? { verdict: "insufficient data", reason: `fewer than ${minRows} vectors` }
    : null;
}

async function measure(
  { session, relation, thresholds }: Comparison,
  { before, now, kind }: Pick<Pair, "before" | "now" | "kind">,
  numbers: ReadonlyMap<string, readonly number[]>,
  categories: ReadonlyMap<string, readonly DriftBin[]>,
): Promise<Pick<MeasuredColumn, "measures" | "bins">> {
  if (kind === "number") {
    const reference = { ...before.numbers!, nulls: before.nulls };
    const { nans, min, max } = now.numbers!;
    return measureNumbers(
      reference,
      { nulls: now.nulls, nans, min, max, counts: numbers.get(before.name)! },
      thresholds,
    );
  }
  if (kind === "category") return measureCategories(categories.get(before.name)!, thresholds.jensenShannon);
  const { dimensions } = before.vectors!;
  const vectors = (await drawVectors(session, relation, before.name)).filter((vector) => isFinite(vector, dimensions));
  return measureVectors(before.vectors!, vectors, thresholds);
}

async function countNumbers(
  session: Session,
  relation: string,
  pairs: readonly Pair[],
): Promise<Map<string, number[]>> {
  const columns = pairs
    .filter(({ kind }) => kind === "number")
    .map(({ before }, position) => ({ before, cell: quoteIdentifier(before.name), id: `c${position}` }));
  const edges = new Map(columns.map(({ id, before }) => [id, before.numbers!.histogram]));
  const counts = await countBins(session, relation, columns, edges);
  return new Map(columns.map(({ id, before }) => [before.name, counts.get(id)!]));
}

/** The reference's categories on both sides, and what the current rows add to them where all of it is known. */
async function countCategories(
  session: Session,
  relation: string,
  pairs: readonly Pair[],
): Promise<Map<string, DriftBin[]>> {
  const columns = pairs.filter(({ kind }) => kind === "category");
  // A key that begins with "=" can't be the empty one, under which the engine counts all others.
  const aggregates = columns.map(({ before }, position) => {
    const names = before.values!.top.map(({ value }) => quoteLiteral(`=${value}`));
    return `histogram_exact('=' || CAST(${quoteIdentifier(before.name)} AS VARCHAR), CAST([${names.join(", ")}] AS VARCHAR[])) AS c${position}`;
  });
  const [found] = columns.length === 0 ? [] : await session.rows(`SELECT ${aggregates.join(", ")} FROM ${relation}`);
  return new Map(columns.map((pair, position) => [pair.before.name, categoryBins(pair, found![`c${position}`])]));
}

function categoryBins({ before, now }: Pair, found: Row[string]): DriftBin[] {
  const counts = new Map(
    ((found as { key: string; value: unknown }[] | null) ?? []).map(({ key, value }) => [key.slice(1), Number(value)]),
  );
  const known = new Set(before.values!.top.map(({ value }) => value));
  const bins = before.values!.top.map(({ value, count }): DriftBin => ({
    label: value,
    reference: count,
    current: counts.get(value) ?? 0,
  }));
  const added = now.values?.complete === true ? now.values.top.filter(({ value }) => !known.has(value)) : [];
  // What the baseline has cut off may be any of them.
  if (before.values!.complete)
    bins.push(...added.map(({ value, count }): DriftBin => ({ label: value, reference: 0, current: count })));
  const rest = (column: ColumnProfile, side: "reference" | "current"): number =>
    column.rows - column.nulls - bins.reduce((sum, bin) => sum + bin[side], 0);
  const apart = [
    { label: "other", reference: rest(before, "reference"), current: rest(now, "current") },
    { label: "null", reference: before.nulls, current: now.nulls },
  ];
  return [...bins, ...apart.filter((bin) => bin.reference + bin.current > 0)];
}
