// Rows that arrive as CSV, into Parquet while they arrive: they pass through a named pipe, so that no more of them than a
// few megabytes is ever in memory or on disk. Of this CSV every value is quoted and null is an unquoted \N: null, "" and
// the text "\N" stay three things. Where the system has no named pipes, a temporary file takes its place.
import { execFile } from "node:child_process";
import { close, constants, createWriteStream, open, openSync, closeSync } from "node:fs";
import { rm } from "node:fs/promises";
import { Socket } from "node:net";
import type { Writable } from "node:stream";
import { promisify } from "node:util";
import { isSluiceError, type SluiceError } from "../errors.ts";
import type { ArtifactStore } from "./artifact-store.ts";
import type { Column, Dataset } from "./dataset.ts";
import type { Session } from "./session.ts";
import { quoteIdentifier, quoteLiteral } from "./sql.ts";
import { writeQuery } from "./write-dataset.ts";

/** A column of the rows that arrive, and how its value is made of the field's text. */
export interface PipedColumn extends Column {
  /** An expression over `field`, the column's quoted name, whose text it holds; without it the engine parses the text itself. */
  readonly convert?: (field: string) => string;
}

export interface PipeOptions {
  /** At most so many rows are coming, and are in memory: a file costs less than a pipe for them. */
  readonly fewRows?: number;
}

/** Writes all rows to the stream, ends it, and tells how many they are; rejects when they aren't all there. */
export type Produce = (to: Writable) => Promise<number>;

const megabyte = 1024 * 1024;
// Two megabytes are the engine's own limit of a row, and measured no slower than more.
const usualRoom = 2 * megabyte;
/** A row longer than this can't be read. */
const mostRoom = 256 * megabyte;

/**
 * Writes the rows that `produce` sends as a dataset. When a row is too long for the room that most need, `produce` is asked
 * a second time, for the same rows.
 */
export async function writeCsvPipe(
  session: Session,
  artifacts: ArtifactStore,
  columns: readonly PipedColumn[],
  produce: Produce,
  options: PipeOptions = {},
): Promise<Dataset> {
  try {
    return await throughPipe(session, artifacts, columns, produce, usualRoom, options);
  } catch (error) {
    if (!isTooLong(error)) throw error;
    return throughPipe(session, artifacts, columns, produce, mostRoom, options);
  }
}

async function throughPipe(
  session: Session,
  artifacts: ArtifactStore,
  columns: readonly PipedColumn[],
  produce: Produce,
  room: number,
  { fewRows }: PipeOptions,
): Promise<Dataset> {
  const path = artifacts.temporary(".csv");
  const query = queryOf(path, columns, room);
  const plain = columns.map(({ name, type }) => ({ name, type }));
  try {
    if (fewRows !== undefined || !(await makePipe(path))) {
      const sent = produce(createWriteStream(path));
      await sent;
      return await writeQuery(session, artifacts, query, {
        columns: plain,
        complete: sent,
        ...(fewRows === undefined ? {} : { maxRows: fewRows }),
      });
    }
    const sent = Promise.withResolvers<number>();
    sent.promise.catch(() => {});
    const reading = writeQuery(session, artifacts, query, { columns: plain, complete: sent.promise });
    const writer = await openForWriting(path, reading);
    try {
      sent.resolve(await produce(writer));
    } catch (error) {
      writer.destroy();
      sent.reject(error);
      // Where the reader went away, what made it do so is the error; where it didn't, this reading fails with what is given here.
      const failure: unknown = await reading.catch((thrown: unknown) => thrown);
      throw (error as NodeJS.ErrnoException).code === "EPIPE" ? failure : error;
    }
    return await reading;
  } finally {
    await rm(path, { force: true });
  }
}

function queryOf(path: string, columns: readonly PipedColumn[], room: number): string {
  const declared = columns.map(
    ({ name, type, convert }) => `${quoteLiteral(name)}: ${quoteLiteral(convert === undefined ? type : "VARCHAR")}`,
  );
  const list = columns.map(({ name, convert }) => {
    const field = quoteIdentifier(name);
    return convert === undefined ? field : `${convert(field)} AS ${field}`;
  });
  // Left to itself the engine sets aside sixteen times the longest row, and takes a line's end within a value for the file's.
  return `SELECT ${list.join(", ")} FROM read_csv(${quoteLiteral(path)}, auto_detect=false, header=false, delim=',', quote='"',
    escape='"', new_line='\\n', nullstr='\\N', allow_quoted_nulls=false, max_line_size=${room}, buffer_size=${room},
    columns={${declared.join(", ")}})`;
}

// Node can make no named pipe itself.
async function makePipe(path: string): Promise<boolean> {
  return promisify(execFile)("mkfifo", ["-m", "600", path]).then(
    () => true,
    () => false,
  );
}

/** The pipe's end to write to. Opening waits for the engine to open the other one, or to fail before it does. */
async function openForWriting(path: string, reading: Promise<unknown>): Promise<Writable> {
  const state = { open: false };
  reading.catch(() => {
    // Nobody will open it any more: this does, for a moment, so that the wait ends.
    if (!state.open) closeSync(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
  });
  const descriptor = await promisify(open)(path, constants.O_WRONLY);
  state.open = true;
  try {
    // As a socket it is written to without a thread that waits while the pipe is full.
    return new Socket({ fd: descriptor, readable: false, writable: true });
  } catch (error) {
    close(descriptor);
    throw error;
  }
}

/** The rows come from a program, so their form is sound: one that was cut off is one that did not fit. */
function isTooLong(error: unknown): boolean {
  return isSluiceError(error) && error.message.startsWith("Invalid Input Error: CSV Error");
}

/** The value that the engine can't hold, in words; null when the error is another one. */
export function unreadableValue(error: SluiceError): string | null {
  if (!/^(Conversion|Invalid Input|Out of Range) Error/i.test(error.message)) return null;
  const whole = error.cause instanceof Error ? error.cause.message : error.message;
  const found = /Error when converting column "(.+?)"\. Could not convert string "(.*?)" to '(.+?)'/s.exec(whole);
  const text = found === null ? error.message.replace(/^.*?Error: /, "") : `column "${found[1]}" holds ${found[2]}`;
  return text.replaceAll(/\s*\n\s*/g, " ").slice(0, 300);
}
