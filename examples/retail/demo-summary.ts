// The demo's last words: what the commands printed, added up and made readable. Pure; it throws where the numbers
// do not add up.

/** What `sluice run … --json` prints. */
export interface RunOutput {
  readonly run: { readonly partition: string | null; readonly status: string };
  readonly steps: readonly {
    readonly name: string;
    readonly kind: string;
    readonly rows: {
      readonly in: number;
      readonly out: number;
      readonly duplicate: number;
      readonly quarantined: number;
    } | null;
  }[];
}

/** What `sluice backfill … --json` prints. */
export interface BackfillOutput {
  readonly runs: readonly RunOutput[];
}

/** One of what `sluice quarantine list --json` prints. */
export interface QuarantineGroup {
  readonly pipeline: string;
  readonly partition: string | null;
  readonly rows: number;
  readonly reasons: readonly {
    readonly path: string | readonly (string | number)[] | null;
    readonly rule: string;
    readonly count: number;
  }[];
}

/** What `sluice features get … --json` prints. */
export interface FeaturesOutput {
  readonly view: string;
  readonly key: unknown;
  readonly asOf: string | null;
  readonly features: Readonly<Record<string, unknown>>;
}

/** One of what `sluice search … --json` prints. */
export interface SearchHit {
  readonly document: string;
  readonly heading: string | readonly string[] | null;
  readonly text: string;
  readonly line: number | null;
}

export interface DemoOutputs {
  readonly from: string;
  readonly to: string;
  readonly backfill: BackfillOutput;
  readonly quarantine: readonly QuarantineGroup[];
  readonly features: FeaturesOutput;
  readonly question: string;
  readonly hits: readonly SearchHit[];
  /** The example's folder, as one would type it. */
  readonly folder: string;
  readonly state: string;
}

/** The summary, in some thirty lines of plain text. */
export function summarize(outputs: DemoOutputs): string {
  const { from, to, backfill, features, folder } = outputs;
  const failed = backfill.runs.filter((entry) => entry.run.status !== "succeeded");
  if (failed.length > 0) throw new Error(`${failed.length} of ${backfill.runs.length} days did not succeed`);
  const count = (kind: string, of: "in" | "out" | "duplicate" | "quarantined"): number =>
    backfill.runs
      .flatMap((entry) => entry.steps)
      .reduce((sum, step) => sum + (step.kind === kind ? (step.rows?.[of] ?? 0) : 0), 0);
  const rows = {
    in: count("validate", "in"),
    valid: count("validate", "out"),
    duplicate: count("validate", "duplicate"),
    quarantined: count("validate", "quarantined"),
    loaded: count("load", "out"),
  };
  if (rows.in !== rows.valid + rows.duplicate + rows.quarantined) {
    throw new Error(
      `The rows do not add up: ${rows.in} in, ${rows.valid} valid, ${rows.duplicate} duplicate, ${rows.quarantined} quarantined`,
    );
  }
  const [hit] = outputs.hits;
  if (hit === undefined) throw new Error(`The search for "${outputs.question}" found nothing`);
  return [
    `Sales of ${backfill.runs.length} days, ${from} to ${to}`,
    ...table([
      ["rows in", number(rows.in)],
      ["exact repeats, dropped", number(rows.duplicate)],
      ["broke the contract, quarantined", number(rows.quarantined)],
      ["valid", number(rows.valid)],
      ["loaded into warehouse.sales", number(rows.loaded)],
    ]),
    "",
    "Why rows were quarantined (one row can break several rules)",
    ...table(reasons(outputs).map(({ reason, rows }) => [reason, number(rows)])),
    "",
    `Features of customer ${keyText(features.key)}${features.asOf === null ? "" : `, as of ${features.asOf}`}`,
    ...table(Object.entries(features.features).map(([name, value]) => [name, valueText(value)])),
    "",
    `"${outputs.question}"`,
    `  ${excerpt(hit.text)}`,
    `  (${hit.document}${hit.line === null ? "" : `:${hit.line}`}${headingText(hit.heading)})`,
    "",
    `State: ${outputs.state}`,
    "",
    "Next, type",
    ...(folder === "." ? [] : [`  cd ${folder}`]),
    "  npx sluice runs",
    "  npx sluice quarantine show retail_daily",
    '  npx sluice query "select country, count(*) as lines from warehouse.sales group by country order by lines desc"',
    "  npx sluice serve",
  ].join("\n");
}

function reasons({ from, to, quarantine }: DemoOutputs): { reason: string; rows: number }[] {
  const byReason = new Map<string, number>();
  for (const group of quarantine) {
    if (group.pipeline !== "retail_daily" || group.partition === null || group.partition < from || group.partition > to)
      continue;
    for (const { path, rule, count } of group.reasons) {
      const reason = [keyText(path), rule].filter((part) => part !== "").join(": ");
      byReason.set(reason, (byReason.get(reason) ?? 0) + count);
    }
  }
  return [...byReason].map(([reason, rows]) => ({ reason, rows })).sort((a, b) => b.rows - a.rows);
}

/** Two columns: names to the left, values to the right where they are numbers. */
function table(rows: readonly (readonly [string, string])[]): string[] {
  const names = Math.max(0, ...rows.map(([name]) => name.length));
  const numbers = Math.max(0, ...rows.map(([, value]) => (isNumber(value) ? value.length : 0)));
  return rows.map(([name, value]) => `  ${name.padEnd(names)}  ${isNumber(value) ? value.padStart(numbers) : value}`);
}

function isNumber(text: string): boolean {
  return /^-?[\d,]+(\.\d+)?$/.test(text);
}

function number(value: number): string {
  return value.toLocaleString("en-GB", { maximumFractionDigits: 2 });
}

function valueText(value: unknown): string {
  if (typeof value === "number") return number(value);
  if (value === null || value === undefined) return "-";
  if (typeof value !== "object") return String(value);
  return Object.entries(value)
    .map(([name, part]) => `${name} ${valueText(part)}`)
    .join(", ");
}

function keyText(key: unknown): string {
  if (key === null || key === undefined) return "";
  if (Array.isArray(key)) return key.join(".");
  return typeof key === "object" ? Object.values(key).join(" ") : String(key);
}

function headingText(heading: SearchHit["heading"]): string {
  const text = typeof heading === "string" ? heading : (heading ?? []).join(" > ");
  return text === "" ? "" : `, under "${text}"`;
}

function excerpt(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= 220 ? line : `${line.slice(0, 220).replace(/\s\S*$/, "")} …`;
}
