// How much of an attempt's log is kept: so many lines, and so much of each. What is cut says that it was.
import type { LogLine } from "../../log.ts";
import { plainLine } from "./attempt-end.ts";

/** Lines of one attempt that are kept. */
export const lineLimit = 10_000;
/** Bytes of a line's message that are kept, and of its fields as JSON. */
export const lineSize = 16_384;

/** Passes on the lines of one attempt as they are kept, as plain JSON; null in place of one that is not. */
export function createLogLimit(): (line: LogLine) => LogLine | null {
  let count = 0;
  return (line) => {
    count += 1;
    if (count <= lineLimit) return cutLine(plainLine(line));
    if (count > lineLimit + 1) return null;
    return {
      at: line.at,
      level: "warn",
      message: `The log of an attempt is kept to ${lineLimit.toLocaleString("en-US")} lines; what follows is left out`,
    };
  };
}

function cutLine(line: LogLine): LogLine {
  const message = cutText(line.message);
  if (line.fields === undefined) return message === line.message ? line : { ...line, message };
  const text = JSON.stringify(line.fields);
  const fields = cutText(text) === text ? line.fields : { cut: cutText(text) };
  return message === line.message && fields === line.fields ? line : { ...line, message, fields };
}

const encoder = new TextEncoder();
const room = new Uint8Array(lineSize);

function cutText(text: string): string {
  // A UTF-16 unit is three bytes at the most.
  if (text.length * 3 <= lineSize) return text;
  const { read } = encoder.encodeInto(text, room);
  if (read === text.length) return text;
  return `${text.slice(0, read)} … [${(text.length - read).toLocaleString("en-US")} more characters]`;
}
