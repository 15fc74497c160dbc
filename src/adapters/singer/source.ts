// Reads a stream of a Singer tap: its schema gives the columns, its records the rows, and its last state where to go on. It
// counts only when the tap has ended well: half of what a tap sends is nothing.
import type { RangeReader, Source, SourceAdapter, SourceContext } from "../../connect/source.ts";
import type { SingerRequest, SingerSettings } from "../../connect/singer.ts";
import type { Dataset } from "../../dataset/dataset.ts";
import { writeRows } from "../../dataset/write-dataset.ts";
import { isSluiceError, SluiceError } from "../../errors.ts";
import { textOf } from "../http/json.ts";
import { createRecordReader, type TextRow } from "../http/records.ts";
import { discovered, selected } from "./catalog.ts";
import { columnsOf, type StreamColumn } from "./columns.ts";
import { messageOf, type TapMessage } from "./messages.ts";
import { withTap, type Tap } from "./process.ts";

/** Reads sources of the vendor "singer". */
export const singerSource: SourceAdapter = async (source, context) => (await read(source, null, context)).dataset;

/** Reads on from the state that the tap gave last. */
export const singerRange: RangeReader = async (source, range, context) => {
  if (range.by !== "state") {
    throw new SluiceError("DEFINITION_INVALID", `incremental: ${shownOf(source)} goes on from its own state`, {
      hint: "Use bookmark() as the cursor.",
    });
  }
  const { dataset, state } = await read(source, range.from?.text ?? null, context);
  return { dataset, until: state === null ? range.from : { type: "state", text: state } };
};

interface Reading {
  readonly dataset: Dataset;
  /** As JSON text; null where the tap gave none. */
  readonly state: string | null;
}

async function read(source: Source, state: string | null, context: SourceContext): Promise<Reading> {
  const { name, settings } = source.connection!;
  const shown = shownOf(source);
  return withTap(name, settings as unknown as SingerSettings, context, async (tap) => {
    const request = source.request as unknown as SingerRequest;
    const files: Record<string, unknown> = {};
    if ((settings as unknown as SingerSettings).discover)
      files["catalog"] = selected(await discovered(tap, shown), request, shown);
    if (state !== null) files["state"] = JSON.parse(state) as unknown;
    const stream = openStream(tap, files, request, shown);
    const columns = await stream.columns();
    try {
      const dataset = await writeRows(
        await context.session(),
        context.artifacts,
        columns.map(({ name: column, type }) => ({ name: column, type })),
        stream.rows(context),
      );
      return { dataset, state: stream.state() };
    } catch (error) {
      throw isSluiceError(error) && error.code === "QUERY_FAILED" ? misfit(error, shown) : error;
    } finally {
      await stream.close();
    }
  });
}

/** Rows in a batch. */
const batchSize = 2_048;

function openStream(tap: Tap, files: Readonly<Record<string, unknown>>, request: SingerRequest, shown: string) {
  const lines = tap.lines(files);
  const others = new Set<string>();
  let number = 0;
  let state: string | null = null;
  let columns: readonly StreamColumn[] = [];

  /** The next message of this stream, or a state; null at the end. */
  const next = async (): Promise<TapMessage | null> => {
    for (;;) {
      const line = await lines.next();
      if (line.done === true) return null;
      const message = messageOf(line.value, (number += 1), shown, tap.redact);
      if (message === null) continue;
      if (message.type === "STATE") state = textOf(message.value) === null ? state : JSON.stringify(message.value);
      else if (message.stream === request.stream) return message;
      else others.add(message.stream);
    }
  };

  return {
    state: () => state,
    close: async () => void (await lines.return(undefined)),
    columns: async (): Promise<readonly StreamColumn[]> => {
      const first = await next();
      if (first?.type !== "SCHEMA") {
        await lines.return(undefined);
        throw first === null ? nothing(request.stream, [...others], shown) : unannounced(shown, number);
      }
      columns = columnsOf(first.schema, request.without);
      if (columns.length > 0) return columns;
      await lines.return(undefined);
      throw new SluiceError("SOURCE_COLUMNS", `${shown} announces no fields`, {
        hint: "Check the tap's configuration, and `without`.",
      });
    },
    rows: async function* ({ log }: SourceContext): AsyncGenerator<TextRow[]> {
      const reader = createRecordReader(columns, shown);
      const known = new Set([...columns.map(({ name }) => name), ...request.without]);
      const surplus = new Set<string>();
      let batch: unknown[] = [];
      for (let message = await next(); message !== null; message = await next()) {
        if (message.type === "SCHEMA") checkSame(columns, columnsOf(message.schema, request.without), shown);
        if (message.type !== "RECORD") continue;
        for (const name of Object.keys((message.record ?? {}) as object)) if (!known.has(name)) surplus.add(name);
        batch.push(message.record);
        if (batch.length < batchSize) continue;
        yield reader.rows(batch, shown);
        batch = [];
      }
      if (batch.length > 0) yield reader.rows(batch, shown);
      if (surplus.size > 0)
        log.warn(`${shown} sends fields that its schema doesn't have; they are left out`, {
          fields: [...surplus].slice(0, 50),
        });
    },
  };
}

function checkSame(before: readonly StreamColumn[], now: readonly StreamColumn[], shown: string): void {
  const changed = now.find((column) => !before.some(({ name, type }) => name === column.name && type === column.type));
  if (changed === undefined) return;
  throw new SluiceError(
    "SOURCE_COLUMNS",
    `${shown} changes its schema in the middle: "${changed.name}" is ${changed.type} now`,
    {
      hint: "Leave that field out with `without`, or ask the tap's authors.",
      details: { column: changed.name, type: changed.type },
    },
  );
}

function nothing(stream: string, others: readonly string[], shown: string): SluiceError {
  return new SluiceError("SOURCE_MISSING", `${shown} sends nothing, not even its schema`, {
    hint:
      others.length === 0
        ? "Check the tap's configuration; what it said is in the step's log."
        : `The tap sends ${others.join(", ")}.`,
    details: { stream, others },
  });
}

function unannounced(shown: string, line: number): SluiceError {
  return new SluiceError("SOURCE_MALFORMED", `${shown} sends a record before its schema, in line ${line}`, {
    hint: "The tap breaks the Singer specification; it must be mended.",
  });
}

function shownOf({ connection, request }: Source): string {
  const { command } = connection!.settings as unknown as SingerSettings;
  return `${command}, stream "${(request as unknown as SingerRequest).stream}"`;
}

function misfit(error: SluiceError, shown: string): SluiceError {
  if (!/Conversion Error/i.test(error.message)) return error;
  return new SluiceError(
    "SOURCE_MALFORMED",
    `${shown} has a value that does not fit its schema: ${error.message.replace(/^.*?Error: /, "")}`,
    {
      hint: "The tap sends what its schema doesn't allow; leave the field out with `without`, or have the tap mended.",
      cause: error,
    },
  );
}
