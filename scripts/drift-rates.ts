// npm run drift-rates [-- --trials 1000] [--json]: how often the rules of the step `drift` give a false alarm when nothing
// has changed, and how often they see a change that is there, by the number of rows. Prints Markdown tables.
import { binCounts, quantileEdges } from "../src/quality/drift/bins.ts";
import { judgeColumns, type MeasuredColumn } from "../src/quality/drift/chance.ts";
import { measureCategories } from "../src/quality/drift/measure-categories.ts";
import { measureNumbers } from "../src/quality/drift/measure-numbers.ts";
import { measureVectors } from "../src/quality/drift/measure-vectors.ts";
import { discreteLimit, type Histogram } from "../src/quality/profile/histogram.ts";
import { profileVectors } from "../src/quality/profile/vectors.ts";

const thresholds = { psi: 0.1, wasserstein: 0.1, jensenShannon: 0.1, centre: 0.1 };
const level = 0.01;
const sizes = [50, 100, 200, 500, 1000, 10_000];
const args = process.argv.slice(2);
const trials = Number(args[args.indexOf("--trials") + 1] || 1000) || 1000;

type Draw = () => number | null;
type Measured = Pick<MeasuredColumn, "measures" | "bins">;

/** A kind of column: what it measures between two sides, drawn with and without a change. */
interface World {
  readonly name: string;
  readonly change: string;
  readonly measure: (n: number, m: number, changed: boolean) => Measured;
  /** Of so many trials, the share that is made with more than 500 rows, and with more than 1,000. */
  readonly shares: readonly [number, number];
}

let state = 20_260_101;
/** Mulberry32: the same table from the same command. */
function random(): number {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
function normal(): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function numbers(name: string, change: string, before: Draw, after: Draw): World {
  const side = (count: number, draw: Draw): { values: number[]; nulls: number } => {
    const values = Array.from({ length: count }, draw).filter((value) => value !== null);
    return { values: values.sort((a, b) => a - b), nulls: count - values.length };
  };
  const range = (values: readonly number[]): { min: number | null; max: number | null } => ({
    min: values[0] ?? null,
    max: values.at(-1) ?? null,
  });
  const measure = (n: number, m: number, changed: boolean): Measured => {
    const [a, b] = [side(n, before), side(m, changed ? after : before)];
    const different = new Set(a.values);
    const discrete = different.size <= discreteLimit;
    const edges = discrete ? [...different] : quantileEdges(a.values, 200);
    const histogram: Histogram = { edges, counts: binCounts(a.values, edges), discrete };
    const reference = {
      nulls: a.nulls,
      nans: 0,
      infinite: 0,
      whole: 0,
      negative: 0,
      mean: 0,
      histogram,
      ...range(a.values),
    };
    const current = { nulls: b.nulls, nans: 0, counts: binCounts(b.values, edges), ...range(b.values) };
    return measureNumbers(reference, current, thresholds);
  };
  return { name, change, measure, shares: [1, 1] };
}

function categories(name: string, change: string, before: readonly number[], after: readonly number[]): World {
  const counts = (weights: readonly number[], rows: number): number[] => {
    const all = weights.reduce((sum, weight) => sum + weight, 0);
    const result = weights.map(() => 0);
    for (let row = 0; row < rows; row += 1) {
      let at = random() * all;
      let position = 0;
      while (position < weights.length - 1 && at >= weights[position]!) at -= weights[position++]!;
      result[position]! += 1;
    }
    return result;
  };
  const measure = (n: number, m: number, changed: boolean): Measured => {
    const [a, b] = [counts(before, n), counts(changed ? after : before, m)];
    const bins = a.map((reference, position) => ({ label: `c${position}`, reference, current: b[position]! }));
    return measureCategories(
      bins.filter((bin) => bin.reference + bin.current > 0),
      thresholds.jensenShannon,
    );
  };
  return { name, change, measure, shares: [1, 1] };
}

/** Vectors whose dimensions vary less and less, as those of real models do. */
function vectors(name: string, change: string, dimensions: number, move: number): World {
  const scales = Array.from({ length: dimensions }, (_, position) => 1 / Math.sqrt(1 + position / 4));
  const spread = Math.sqrt(scales.reduce((sum, scale) => sum + scale * scale, 0));
  const step = (move * spread) / Math.sqrt(dimensions);
  const draw = (count: number, offset: number): number[][] =>
    Array.from({ length: count }, () => scales.map((scale) => normal() * scale + offset));
  const measure = (n: number, m: number, changed: boolean): Measured =>
    measureVectors(profileVectors(draw(n, 0))!, draw(m, changed ? step : 0), thresholds);
  return { name, change, measure, shares: [0.2, 0.1] };
}

const zipf = (count: number): number[] => Array.from({ length: count }, (_, position) => 1 / (position + 1));
const worlds: World[] = [
  numbers("normal", "moved by 0.5 sd", normal, () => normal() + 0.5),
  numbers("normal", "moved by 1 sd", normal, () => normal() + 1),
  numbers("normal", "twice the spread", normal, () => normal() * 2),
  numbers(
    "log-normal",
    "1.5 times the value",
    () => Math.exp(normal()),
    () => 1.5 * Math.exp(normal()),
  ),
  numbers(
    "60 % zeros",
    "40 % zeros",
    () => (random() < 0.6 ? 0 : Math.exp(normal())),
    () => (random() < 0.4 ? 0 : Math.exp(normal())),
  ),
  numbers(
    "5 % null",
    "25 % null",
    () => (random() < 0.05 ? null : normal()),
    () => (random() < 0.25 ? null : normal()),
  ),
  numbers(
    "1 to 5",
    "1 comes twice as often",
    () => 1 + Math.floor(random() * 5),
    () => (random() < 0.2 ? 1 : 1 + Math.floor(random() * 5)),
  ),
  categories("5 categories", "the rarest is three times as frequent", zipf(5), [1, 1 / 2, 1 / 3, 1 / 4, 3 / 5]),
  categories("40 categories", "the 3 most frequent change places", zipf(40), [1 / 3, 1, 1 / 2, ...zipf(40).slice(3)]),
  vectors("embedding, 32 dimensions", "centre moved by 0.3", 32, 0.3),
];

/** Is the column taken for drifted? */
type Rule = (measured: Measured, n: number, m: number) => boolean;

const calibrated: Rule = (measured, n, m) => {
  const column = { column: "x", kind: "number", referenceRows: n, currentRows: m, obstacle: null } as const;
  return judgeColumns([{ ...column, ...measured }], level)[0]!.verdict === "drift";
};
/** The rule that many tools have, whatever the number of rows: for comparison. */
const constant: Rule = ({ measures }) => measures.some(({ measure, effect }) => measure === "psi" && effect >= 0.1);

function rate(world: World, n: number, m: number, changed: boolean, rule: Rule): number {
  const rows = Math.max(n, m);
  const share = rows <= 500 ? 1 : rows <= 1000 ? world.shares[0] : world.shares[1];
  const tries = Math.max(50, Math.round(trials * share));
  let alarms = 0;
  for (let trial = 0; trial < tries; trial += 1) {
    if (rule(world.measure(n, m, changed), n, m)) alarms += 1;
  }
  return alarms / tries;
}

interface Line {
  readonly column: string;
  readonly change: string;
  readonly reference: string;
  readonly rates: readonly number[];
}

const same = (m: number): number => m;
const large = (): number => 10_000;
const line = (world: World, changed: boolean, size: (m: number) => number, rule = calibrated): Line => ({
  column: world.name,
  change: changed ? world.change : "none",
  reference: size === same ? "as many" : (10_000).toLocaleString("en"),
  rates: sizes.map((m) => rate(world, size(m), m, changed, rule)),
});
const calm = worlds.filter((world, position) => worlds.findIndex(({ name }) => name === world.name) === position);
const falseAlarms = calm.flatMap((world) => [line(world, false, same), line(world, false, large)]);
const byThreshold = [same, large].map((size) => line(worlds[0]!, false, size, constant));
const power = worlds.map((world) => line(world, true, large));

if (args.includes("--json")) {
  console.log(JSON.stringify({ trials, level, sizes, falseAlarms, byThreshold, power }, null, 2));
} else {
  const header = `| column | change | reference | ${sizes.map((size) => size.toLocaleString("en")).join(" | ")} |`;
  const rule = `|---|---|---:|${sizes.map(() => "---:|").join("")}`;
  const text = ({ column, change, reference, rates }: Line): string =>
    `| ${column} | ${change} | ${reference} | ${rates.map((share) => `${(share * 100).toFixed(1)} %`).join(" | ")} |`;
  console.log(
    `False alarms (${trials} comparisons each, of more than 500 embeddings a fifth as many, of more than 1,000 a tenth):\n`,
  );
  console.log([header, rule, ...falseAlarms.map(text)].join("\n"));
  console.log(`\nFor comparison, false alarms of PSI ≥ 0.1 alone:\n`);
  console.log([header, rule, ...byThreshold.map(text)].join("\n"));
  console.log(`\nChanges that were seen:\n`);
  console.log([header, rule, ...power.map(text)].join("\n"));
}
const worst = Math.max(...falseAlarms.flatMap(({ rates }) => rates));
process.exit(worst <= 0.02 ? 0 : 1);
