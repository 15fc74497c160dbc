// Reads what is new of a source: from the position that its table keeps, back by the lag, up to a fixed end; rows that an
// earlier reading has delivered are left out. Nothing is stored here: the new position goes with the rows.
import { randomUUID } from "node:crypto";
import type { Dataset } from "../dataset/dataset.ts";
import type { Session } from "../dataset/session.ts";
import { quoteIdentifier, quoteLiteral } from "../dataset/sql.ts";
import { readDataset, writeQuery } from "../dataset/write-dataset.ts";
import { SluiceError } from "../errors.ts";
import { canonicalJson } from "../json.ts";
import type { StepContext } from "../pipeline/step.ts";
import type { PositionPlan, WindowPlan } from "./incremental.ts";
import type { ConnectNeeds } from "./needs.ts";
import { lagged, mostSeen, readPosition, storedPosition, type Reached } from "./position.ts";
import { rejectInto } from "./rejected-rows.ts";
import type { SinkContext, Table } from "./sink.ts";
import type { CursorValue, RangeReader, ReadRange, Source, SourceContext } from "./source.ts";

/** What a reading needs beside the source. */
export interface Increment {
  readonly source: Source;
  readonly read: RangeReader;
  readonly sourceContext: SourceContext;
  readonly sinkContext: SinkContext;
  readonly step: Pick<StepContext, "pipeline" | "step" | "partition" | "runId" | "fence" | "clock">;
}

/** Reads a window, whatever was read before. */
export async function readWindow(plan: WindowPlan, { source, read, sourceContext }: Increment): Promise<Dataset> {
  const value = (text: string): CursorValue => ({ type: "", text });
  const { dataset } = await read(
    source,
    {
      by: "value",
      cursor: plan.cursor,
      from: value(plan.start),
      until: value(plan.end),
      nulls: plan.nulls !== "exclude",
    },
    sourceContext,
  );
  await checkNulls(plan, dataset, await sourceContext.session(), source);
  return dataset;
}

/** Reads from the stored position on; the dataset carries the new one. */
export async function readOnward(
  plan: PositionPlan,
  into: Table,
  needs: Pick<ConnectNeeds, "sinks" | "quarantine">,
  increment: Increment,
): Promise<Dataset> {
  const { source, sourceContext, step } = increment;
  const sink = await needs.sinks[into.connection.vendor]?.();
  if (sink === undefined) {
    throw new SluiceError(
      "DEFINITION_INVALID",
      `incremental: nothing here keeps a position in "${into.connection.vendor}"`,
      {
        hint: `Connections that do: ${Object.keys(needs.sinks).join(", ")}.`,
      },
    );
  }
  const table = `${into.connection.name}.${into.name}`;
  // Partitions of a pipeline read each for itself: they may be tenants, or regions.
  const reader = `${step.pipeline}.${step.step}${step.partition === null ? "" : `/${step.partition.key}`}`;
  const stored = await sink.position(into, reader, increment.sinkContext);
  const before = readPosition(stored, table, reader);
  const session = await sourceContext.session();
  const range = await rangeFrom(plan, before, session);
  const { dataset, until } = await increment.read(source, range, {
    ...sourceContext,
    reject: rejectInto(needs.quarantine, step, [{ table, reader, from: stored }]),
  });
  const carried = (data: Dataset, reached: Reached, repeats: boolean): Dataset => {
    const to = storedPosition(reached);
    if (canonicalJson(to) === canonicalJson(stored)) return data;
    return { ...data, positions: [{ table, reader, from: stored, to, repeats }] };
  };
  if (range.by === "transaction") return carried(dataset, { cursor: until, seen: {} }, false);
  // Such sources send rows again that lie around the place where they ended.
  if (range.by === "state") return carried(dataset, { cursor: until, seen: {} }, true);
  await checkNulls(plan, dataset, session, source);
  if (dataset.rows === 0) return dataset;
  const cursor = range.cursor!;
  const fresh = await withoutSeen(plan, cursor, before, dataset, sourceContext);
  const reached = await reachedBy(plan, cursor, before, dataset, session);
  return carried(fresh, reached, before !== null && before.seen === null);
}

async function rangeFrom(plan: PositionPlan, before: Reached | null, session: Session): Promise<ReadRange> {
  const last = before?.cursor ?? null;
  if (typeof plan.cursor === "object")
    return plan.cursor.by === "transaction"
      ? { by: "transaction", cursor: plan.cursor.column, from: last, until: "clock", nulls: false }
      : { by: "state", cursor: null, from: last, until: null, nulls: true };
  const common = { by: "value", cursor: plan.cursor, nulls: plan.nulls !== "exclude" } as const;
  const until = plan.until === "clock" ? "clock" : null;
  if (last === null) return { ...common, from: plan.start === null ? null : { type: "", text: plan.start }, until };
  return { ...common, from: await behind(last, plan.lag, plan.cursor, session), until };
}

async function behind(
  cursor: CursorValue,
  lag: PositionPlan["lag"],
  column: string,
  session: Session,
): Promise<CursorValue> {
  const expression = lagged(cursor, lag, column);
  if (expression === null) return cursor;
  const [row] = await session.rows(`SELECT ${expression} AS text`);
  return { type: cursor.type, text: String(row!["text"]) };
}

async function checkNulls(
  plan: Pick<PositionPlan, "cursor" | "nulls">,
  dataset: Dataset,
  session: Session,
  source: Source,
): Promise<void> {
  if (plan.nulls !== "fail" || dataset.rows === 0 || typeof plan.cursor === "object") return;
  const [row] = await session.rows(
    `SELECT count(*) AS rows FROM ${readDataset(dataset)} WHERE ${quoteIdentifier(plan.cursor)} IS NULL`,
  );
  const count = Number(row!["rows"]);
  if (count === 0) return;
  throw new SluiceError(
    "SOURCE_MALFORMED",
    `${count} ${count === 1 ? "row" : "rows"} of ${source.connection?.name ?? source.vendor} have no "${plan.cursor}", by which new rows are known`,
    { hint: 'Fill it at the source, or say what becomes of them: nulls: "exclude" or nulls: "include".' },
  );
}

/** What tells a row apart, as SQL: half of an MD5 is plenty for as many rows as are remembered. */
function fingerprint(plan: PositionPlan, cursor: string, dataset: Dataset): string {
  const columns = plan.key === null ? dataset.columns.map(({ name }) => name) : [...plan.key, cursor];
  const fields = columns.map((name, position) => `c${position}: ${quoteIdentifier(name)}`);
  return `left(md5(CAST(to_json({${fields.join(", ")}}) AS VARCHAR)), 16)`;
}

/** The dataset without the rows that have been delivered, each as often as it was. */
async function withoutSeen(
  plan: PositionPlan,
  cursor: string,
  before: Reached | null,
  dataset: Dataset,
  { session: open, artifacts }: SourceContext,
): Promise<Dataset> {
  const seen = Object.entries(before?.seen ?? {});
  if (before === null || seen.length === 0) return dataset;
  const session = await open();
  const name = `seen_${randomUUID().replaceAll("-", "")}`;
  await session.run(`CREATE TEMP TABLE ${name} (_sluice_print VARCHAR, _sluice_times BIGINT)`);
  try {
    for (let start = 0; start < seen.length; start += 1000) {
      const rows = seen.slice(start, start + 1000).map(([print, times]) => `(${quoteLiteral(print)}, ${times})`);
      await session.run(`INSERT INTO ${name} VALUES ${rows.join(", ")}`);
    }
    // Only rows up to what was reached can have been seen: the rest isn't even hashed.
    const column = quoteIdentifier(cursor);
    const newer = before.cursor === null ? `${column} IS NOT NULL` : `${column} > ${castOf(before.cursor)}`;
    const met = `
      FROM (SELECT *, row_number() OVER (PARTITION BY _sluice_print) AS _sluice_nth
            FROM (SELECT *, ${fingerprint(plan, cursor, dataset)} AS _sluice_print FROM ${readDataset(dataset)}
                  WHERE NOT coalesce(${newer}, false)))
      LEFT JOIN ${name} USING (_sluice_print)`;
    const fresh = "_sluice_nth > coalesce(_sluice_times, 0)";
    const [row] = await session.rows(`SELECT count(*) FILTER (NOT (${fresh})) AS rows ${met}`);
    if (Number(row!["rows"]) === 0) return dataset;
    const columns = dataset.columns.map((one) => quoteIdentifier(one.name)).join(", ");
    return await writeQuery(
      session,
      artifacts,
      `SELECT ${columns} ${met} WHERE ${fresh}
       UNION ALL SELECT ${columns} FROM ${readDataset(dataset)} WHERE ${newer}`,
      { columns: dataset.columns },
    );
  } finally {
    await session.run(`DROP TABLE IF EXISTS ${name}`);
  }
}

/** What this reading has reached, with the rows that the next one meets again. */
async function reachedBy(
  plan: PositionPlan,
  cursor: string,
  before: Reached | null,
  dataset: Dataset,
  session: Session,
): Promise<Reached> {
  const column = dataset.columns.find(({ name }) => name === cursor);
  if (column === undefined) {
    throw new SluiceError("SOURCE_COLUMNS", `There is no column "${cursor}", by which new rows are to be known`, {
      hint: `The source has ${dataset.columns.map(({ name }) => name).join(", ")}.`,
    });
  }
  const rows = readDataset(dataset);
  const name = quoteIdentifier(cursor);
  const [found] = await session.rows(`SELECT CAST(max(${name}) AS VARCHAR) AS text FROM ${rows}`);
  const text = found!["text"] as string | null;
  const last = before?.cursor ?? null;
  if (text === null && last === null) return { cursor: null, seen: await seenOf(`${name} IS NULL`) };
  // Nothing newer, but older rows that are read again: the boundary stays where it is.
  const greatest =
    text === null
      ? last!
      : last === null
        ? { type: column.type, text }
        : await greater({ type: column.type, text }, last, session);
  const from = await behind(greatest, plan.lag, cursor, session);
  return { cursor: greatest, seen: await seenOf(`${name} >= ${castOf(from)} OR ${name} IS NULL`) };

  async function seenOf(where: string): Promise<Reached["seen"]> {
    const prints = await session.rows(
      `SELECT ${fingerprint(plan, cursor, dataset)} AS print, count(*) AS times FROM ${rows}
       WHERE ${where} GROUP BY 1 ORDER BY 1 LIMIT ${mostSeen + 1}`,
    );
    if (prints.length > mostSeen) return null;
    return Object.fromEntries(prints.map(({ print, times }) => [String(print), Number(times)]));
  }
}

async function greater(one: CursorValue, other: CursorValue, session: Session): Promise<CursorValue> {
  const [row] = await session.rows(
    `SELECT ${castOf(one)} >= CAST(${quoteLiteral(other.text)} AS ${one.type}) AS greater`,
  );
  return row!["greater"] === true ? one : { type: one.type, text: other.text };
}

function castOf({ type, text }: CursorValue): string {
  return `CAST(${quoteLiteral(text)} AS ${type})`;
}
