// Reads a part of what an API has: the bounds go along as query parameters, in the API's own writing, and records outside are
// dropped here, so that an API that takes them roughly is read exactly.
import type { HttpRequest, RangeParameters } from "../../connect/http.ts";
import type { CursorValue, RangeReader, ReadRange, Source, SourceContext } from "../../connect/source.ts";
import type { Dataset } from "../../dataset/dataset.ts";
import type { Session } from "../../dataset/session.ts";
import { quoteIdentifier, quoteLiteral } from "../../dataset/sql.ts";
import { readDataset, writeQuery } from "../../dataset/write-dataset.ts";
import { SluiceError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import type { ClientTools } from "./client.ts";
import { httpTools } from "./request.ts";
import { readPages } from "./source.ts";

/** The reader with its own way to wait, roll dice and look up names; what is left out is the real thing. */
export function createHttpRange(tools: Partial<ClientTools> = {}): RangeReader {
  return async (source, range, context) => {
    const request = source.request as unknown as HttpRequest;
    const parameters = range.by === "value" ? request.range?.[range.cursor!] : undefined;
    const type = request.columns.find(({ name }) => name === range.cursor)?.type;
    if (parameters === undefined || type === undefined) throw notAskable(source, range, request);
    const session = await context.session();
    const query: Record<string, string> = {};
    if (range.from !== null) query[parameters.from] = await written(session, parameters, type, range.from.text, "from");
    if (parameters.until !== undefined && typeof range.until === "object" && range.until !== null)
      query[parameters.until] = await written(session, parameters, type, range.until.text, "until");
    const asked: Source = {
      ...source,
      request: { ...request, query: { ...request.query, ...query } } as unknown as JsonObject,
    };
    const { dataset, at } = await readPages(asked, context, { ...httpTools, ...tools });
    const until = await endOf(range, type, at, session);
    return { dataset: await within(dataset, range, until, type, session, context), until };
  };
}

/** Reads ranges of sources of the vendor "http". */
export const httpRange: RangeReader = createHttpRange();

/** The bound as the API takes it: never above a lower one, never below an upper one. */
async function written(
  session: Session,
  { format, exclusive = false }: RangeParameters,
  type: string,
  text: string,
  bound: "from" | "until",
): Promise<string> {
  const value = valueOf(text, type);
  const back = exclusive && bound === "from" ? 1 : 0;
  const [row] = await session.rows(`SELECT CAST(${expression()} AS VARCHAR) AS text`);
  return String(row!["text"]);

  function expression(): string {
    switch (format ?? (isTime(type) ? "iso" : "text")) {
      case "iso":
        return `strftime(${utc(`${value} - to_microseconds(${back})`)}, '%Y-%m-%dT%H:%M:%S.%fZ')`;
      case "seconds":
        return counted(1_000_000);
      case "milliseconds":
        return counted(1_000);
      case "date":
        return bound === "from"
          ? `CAST(${utc(value)} AS DATE) - ${back}`
          : `CAST(${utc(`${value} - to_microseconds(1)`)} AS DATE) + 1`;
      case "text":
        return back === 0 ? quoteLiteral(text) : `${value} - 1`;
    }
  }

  /** Whole units since the epoch, down for a lower bound and up for an upper one. */
  function counted(microseconds: number): string {
    const rounded = bound === "from" ? "floor" : "ceil";
    return `CAST(${rounded}(epoch_us(${value}) / ${microseconds}.0) AS BIGINT) - ${back}`;
  }

  function utc(time: string): string {
    return /WITH TIME ZONE|TIMESTAMPTZ/i.test(type) ? `(${time}) AT TIME ZONE 'UTC'` : `CAST(${time} AS TIMESTAMP)`;
  }
}

/** Where the reading ends: at a given value, or by the API's own clock as it answered first. */
async function endOf(range: ReadRange, type: string, at: number, session: Session): Promise<CursorValue | null> {
  if (range.until === null) return null;
  if (range.until !== "clock") return { type, text: range.until.text };
  if (!isTime(type)) return null;
  const [row] = await session.rows(`SELECT CAST(CAST(make_timestamptz(${at * 1000}) AS ${type}) AS VARCHAR) AS text`);
  return { type, text: String(row!["text"]) };
}

/** The records inside. */
async function within(
  dataset: Dataset,
  range: ReadRange,
  until: CursorValue | null,
  type: string,
  session: Session,
  context: SourceContext,
): Promise<Dataset> {
  const column = quoteIdentifier(range.cursor!);
  const inside = [
    ...(range.from === null ? [] : [`${column} >= ${valueOf(range.from.text, type)}`]),
    ...(until === null ? [] : [`${column} < ${valueOf(until.text, type)}`]),
  ].join(" AND ");
  const condition = `CASE WHEN ${column} IS NULL THEN ${range.nulls} ELSE ${inside === "" ? "true" : inside} END`;
  const [row] = await session.rows(`SELECT count(*) AS rows FROM ${readDataset(dataset)} WHERE NOT (${condition})`);
  if (Number(row!["rows"]) === 0) return dataset;
  return writeQuery(session, context.artifacts, `SELECT * FROM ${readDataset(dataset)} WHERE ${condition}`, {
    columns: dataset.columns,
  });
}

function valueOf(text: string, type: string): string {
  return `CAST(${quoteLiteral(text)} AS ${type})`;
}

function isTime(type: string): boolean {
  return /^TIMESTAMP/i.test(type);
}

function notAskable({ connection }: Source, range: ReadRange, request: HttpRequest): SluiceError {
  const known = Object.keys(request.range ?? {});
  const cursor = range.by === "value" ? `"${range.cursor}"` : "what only databases have";
  return new SluiceError(
    "DEFINITION_INVALID",
    `incremental: get("${request.path}") of "${connection!.name}" can't be asked by ${cursor}`,
    {
      hint:
        known.length === 0
          ? 'Say how, such as range: { updated_at: { from: "updated_since" } }.'
          : `It can by ${known.join(", ")}.`,
    },
  );
}
