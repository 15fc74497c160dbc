// Messages on a pipe: a line of JSON each.
import { writeSync } from "node:fs";

/** Takes text as it comes and hands on each whole line, parsed; what can't be parsed goes to `onGarbage`. */
export function lineReader<M>(onMessage: (message: M) => void, onGarbage: () => void): (text: string) => void {
  let pieces: string[] = [];
  return (text) => {
    let from = 0;
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", from)) {
      pieces.push(text.slice(from, end));
      from = end + 1;
      const line = pieces.length === 1 ? pieces[0]! : pieces.join("");
      pieces = [];
      const message = parsed(line) as M | null;
      if (message === null) onGarbage();
      else onMessage(message);
    }
    // A long line is put together once, when all of it is there.
    if (from < text.length) pieces.push(text.slice(from));
  };
}

/** Null when the line is no message. */
function parsed(line: string): object | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

/** The line of a message. What JSON can't say is left as a note that it was there: it must not cost the message. */
export function lineOf(message: unknown): string {
  try {
    return `${JSON.stringify(message)}\n`;
  } catch {
    return `${JSON.stringify(sayable(message, []))}\n`;
  }
}

function sayable(value: unknown, within: readonly object[]): unknown {
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value;
  if (within.includes(value)) return "[circular]";
  try {
    const inside = [...within, value];
    const plain =
      typeof (value as { toJSON?: unknown }).toJSON === "function" ? JSON.parse(JSON.stringify(value)) : value;
    if (Array.isArray(plain)) return plain.map((item) => sayable(item, inside));
    if (typeof plain !== "object" || plain === null) return plain;
    return Object.fromEntries(Object.entries(plain).map(([key, item]) => [key, sayable(item, inside)]));
  } catch {
    return "[not JSON]";
  }
}

/**
 * Writes a line to a blocking pipe, whole, before it returns: what a worker has said is known even if it dies the next
 * moment, and one that says more than the other side can read has to wait.
 */
export function writeLine(descriptor: number, line: string): void {
  const bytes = Buffer.from(line);
  for (let written = 0; written < bytes.length;) {
    try {
      written += writeSync(descriptor, bytes, written);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
