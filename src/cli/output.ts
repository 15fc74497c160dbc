// How results are printed. Data goes to stdout: for people as text, with --json as exactly one JSON document.
// Everything else (progress, notes, errors) goes to stderr.
import { isSluiceError, toFailure, type Failure } from "../errors.ts";
import type { Io } from "./io.ts";
import { oneLine } from "./table.ts";

export interface Output {
  readonly json: boolean;
  /** The command's result: `value` with --json, else the text. */
  result(value: unknown, text: () => string): Promise<void>;
  /** A large result, piece by piece, as one JSON array. Only with --json. */
  array(batches: AsyncIterable<readonly unknown[]>): Promise<void>;
  /** A line for people, on stderr. */
  note(text: string): void;
  /** One line on stderr: what is wrong and what to do. With --json, a JSON document. */
  error(failure: Failure): void;
}

export function createOutput(io: Io, json: boolean): Output {
  const line = (text: string): void => void io.stderr.write(`${text}\n`);
  return {
    json,
    result: async (value, text) => {
      await io.stdout.write(json ? `${JSON.stringify(value, null, io.stdout.isTTY ? 2 : undefined)}\n` : text());
    },
    array: async (batches) => {
      let opened = false;
      for await (const batch of batches) {
        if (batch.length === 0) continue;
        await io.stdout.write(`${opened ? ",\n" : "["}${batch.map((item) => JSON.stringify(item)).join(",\n")}`);
        opened = true;
        if (io.stdout.closed) return;
      }
      await io.stdout.write(opened ? "]\n" : "[]\n");
    },
    note: line,
    error: (failure) => {
      const { code, message, hint } = failure;
      if (json) line(JSON.stringify({ error: { code, message, hint: hint ?? null } }));
      else line(`error: ${sentence(message)}${hint === undefined ? "" : ` ${oneLine(hint)}`}`);
    },
  };
}

/** Any thrown value, as what a command reports: what isn't ours is a fault of Sluice. */
export function failureOf(error: unknown): Failure {
  const failure = toFailure(error);
  return isSluiceError(error) || failure.code !== "TASK_FAILED"
    ? failure
    : { ...failure, code: "INTERNAL", retryable: false };
}

function sentence(text: string): string {
  const line = oneLine(text.trim());
  return /[.!?…]$/.test(line) ? line : `${line}.`;
}
