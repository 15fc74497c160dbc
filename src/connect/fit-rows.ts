// Brings rows and table together before a load: finds what differs, says what was probably renamed, casts, leaves out and
// sets aside as the schema's rules say. The table itself is changed by the load, in its transaction.
import type { Column, Dataset } from "../dataset/dataset.ts";
import { suspectRename, type ColumnLook, type RenameSuspicion } from "../dataset/rename-suspicion.ts";
import type { Session } from "../dataset/session.ts";
import { quoteIdentifier } from "../dataset/sql.ts";
import { readDataset, writeQuery } from "../dataset/write-dataset.ts";
import { SluiceError } from "../errors.ts";
import type { Json, JsonObject } from "../json.ts";
import type { ConnectNeeds } from "./needs.ts";
import type { RejectedRow } from "./rejected-rows.ts";
import { fitSchema, type Misfit, type SchemaFit, type SchemaRules } from "./schema-contract.ts";
import type { Sink, SinkContext, Table, TableColumn } from "./sink.ts";

export interface Fitting {
  readonly sink: Sink;
  readonly table: Table;
  readonly asset: string;
  readonly dataset: Dataset;
  readonly rules: SchemaRules;
  /** Columns that say something to the load and aren't loaded. */
  readonly control: readonly string[];
  /** Do rows that are there keep their values in columns that aren't loaded? Then these aren't filled with null. */
  readonly keepsMissing: boolean;
  readonly context: SinkContext;
  readonly artifacts: ConnectNeeds["artifacts"];
  readonly reject: (what: string, rows: AsyncIterable<readonly RejectedRow[]>) => Promise<number>;
}

export interface Fitted {
  readonly dataset: Dataset;
  readonly widen: readonly Column[];
  /** Rows that were set aside. */
  readonly rejected: number;
}

/** How many values are looked at when a column is missing. */
const sampleSize = 500;

export async function fitRows(fitting: Fitting): Promise<Fitted> {
  const { sink, table, asset, dataset, rules, control, context } = fitting;
  const offered = dataset.columns.filter(({ name }) => !control.includes(name) && !name.startsWith("_sluice_"));
  const present = await sink.columns(table, offered, context);
  const missing = (present ?? []).filter((column) => !offered.some(({ name }) => name === column.name));
  const needed = missing.filter((column) => !column.optional);
  if (needed.length > 0) await reportMissing(fitting, needed, offered, present!);
  const fit = fitSchema({ asset, offered, present, rules, widens: sink.capabilities.widens });
  const added = rules.missing === "null" && !fitting.keepsMissing ? needed : [];
  const same = fit.columns.length === offered.length && fit.columns.every(({ expression }) => expression === null);
  if (same && added.length === 0 && fit.misfits.length === 0) return { dataset, widen: fit.widen, rejected: 0 };
  return rewritten(fitting, fit, added);
}

async function reportMissing(
  { sink, table, asset, dataset, rules, context }: Fitting,
  missing: readonly TableColumn[],
  offered: readonly Column[],
  present: readonly TableColumn[],
): Promise<void> {
  const fresh = offered.filter((column) => !present.some(({ name }) => name === column.name));
  const suspicions = new Map<string, RenameSuspicion | null>();
  if (fresh.length > 0) {
    const session = await context.session();
    const there = await sink.sample(
      table,
      missing.map(({ name }) => name),
      sampleSize,
      context,
    );
    const names = fresh.map(({ name }) => `CAST(${quoteIdentifier(name)} AS VARCHAR) AS ${quoteIdentifier(name)}`);
    const here =
      dataset.rows === 0
        ? []
        : await session.rows(`SELECT ${names.join(", ")} FROM ${readDataset(dataset)} LIMIT ${sampleSize}`);
    const candidates = fresh.map((column) => look(column, here));
    for (const column of missing) suspicions.set(column.name, suspectRename(look(column, there), candidates));
  }
  const [first] = missing;
  const suspicion = suspicions.get(first!.name) ?? null;
  if (rules.missing === "null") {
    for (const [name, found] of suspicions)
      if (found !== null)
        context.log.warn(
          `"${name}" of ${asset} is filled with null, though "${found.name}" is ${found.likelihood} likely the same`,
          {
            because: found.because,
          },
        );
    return;
  }
  const more =
    missing.length === 1
      ? ""
      : ` (nor ${missing
          .slice(1)
          .map(({ name }) => `"${name}"`)
          .join(", ")})`;
  const guess =
    suspicion === null ? "" : `; "${suspicion.name}" is ${suspicion.likelihood} likely the same (${suspicion.because})`;
  throw new SluiceError(
    "SINK_SCHEMA",
    `The rows have no column "${first!.name}", which the table ${asset} has${more}${guess}`,
    {
      hint:
        suspicion === null
          ? 'Bring it along, give the table\'s column a default, or load with schema: { missing: "null" }.'
          : `Probably it is "${suspicion.name}" now: rename one of the two.`,
      details: { missing: missing.map(({ name }) => name), suspicions: Object.fromEntries(suspicions) },
    },
  );
}

function look(
  { name, type }: Pick<Column, "name" | "type">,
  rows: readonly Readonly<Record<string, unknown>>[],
): ColumnLook {
  const text = (value: unknown): string | null =>
    value === null || value === undefined ? null : typeof value === "string" ? value : JSON.stringify(value);
  return { name, type, values: rows.map((row) => text(row[name])) };
}

async function rewritten(
  { asset, dataset, control, context, artifacts, reject }: Fitting,
  fit: SchemaFit,
  added: readonly TableColumn[],
): Promise<Fitted> {
  const session = await context.session();
  const kept = dataset.columns.filter(({ name }) => control.includes(name));
  const columns = [
    ...fit.columns.map(({ name, type }) => ({ name, type })),
    ...added.map(({ name, type }) => ({ name, type })),
    ...kept,
  ];
  const expressions = [
    ...fit.columns.map(({ name, expression }) =>
      expression === null ? quoteIdentifier(name) : `${expression} AS ${quoteIdentifier(name)}`,
    ),
    ...added.map(({ name, type }) => `CAST(NULL AS ${type}) AS ${quoteIdentifier(name)}`),
    ...kept.map(({ name }) => quoteIdentifier(name)),
  ];
  const bad = fit.misfits.map(({ when }) => `(${when})`).join(" OR ");
  const rows = readDataset(dataset);
  const made = await writeQuery(
    session,
    artifacts,
    `SELECT ${expressions.join(", ")} FROM ${rows}${bad === "" ? "" : ` WHERE NOT coalesce(${bad}, false)`}`,
    { columns, maxRows: dataset.rows },
  );
  // Always asked, so that what an earlier load of this partition has set aside goes.
  const rejected = fit.misfits.length === 0 ? 0 : await reject(asset, misfitRows(session, dataset, fit.misfits, bad));
  if (made.rows + rejected !== dataset.rows) {
    throw new SluiceError(
      "ACCOUNTING",
      `${dataset.rows} rows were to be fitted to ${asset}, but ${made.rows} + ${rejected} came out`,
      {
        hint: "Please report this.",
      },
    );
  }
  const { positions, quarantined } = dataset;
  return {
    dataset: { ...made, ...(positions && { positions }), ...(quarantined && { quarantined }) },
    widen: fit.widen,
    rejected,
  };
}

async function* misfitRows(
  session: Session,
  dataset: Dataset,
  misfits: readonly Misfit[],
  bad: string,
): AsyncGenerator<readonly RejectedRow[]> {
  const texts = dataset.columns.map(({ name }) => `CAST(${quoteIdentifier(name)} AS VARCHAR)`);
  const marks = misfits.map(({ when }) => `coalesce(${when}, false)`);
  const numbered = `SELECT row_number() OVER () AS _sluice_record, * FROM ${readDataset(dataset)}`;
  const query = `SELECT _sluice_record, [${marks.join(", ")}], [${texts.join(", ")}] FROM (${numbered}) WHERE ${bad}`;
  // Not a stream: that ends in silence when anything else is run on the connection. This result spills if it must.
  const result = await session.connection.run(query);
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    yield chunk.getRows().map(([record, broken, values]): RejectedRow => {
      const texts = (values as { items: readonly (string | null)[] }).items;
      const row: JsonObject = Object.fromEntries(
        dataset.columns.map(({ name }, position) => [name, texts[position] ?? null]),
      );
      const marked = (broken as { items: readonly boolean[] }).items;
      return {
        record: Number(record),
        row,
        reasons: misfits
          .filter((_, position) => marked[position] === true)
          .map(({ column, rule, message }) => ({
            path: column,
            rule,
            value: row[column] as Json,
            message: `${column}: ${message}`,
          })),
      };
    });
  }
}
