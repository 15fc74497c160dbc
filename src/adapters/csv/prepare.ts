// A CSV file made ready for the engine: checked from first to last byte, and rewritten only where the engine would
// misread it. What the engine then reads has one kind of line end and holds a known number of rows.
import { createWriteStream, writeFileSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { SourceContext } from "../../connect/source.ts";
import { openContent, type Compression, type ContentLimits } from "./content.ts";
import { scanCsv, type CsvShape } from "./scan.ts";

export interface PreparedFile extends CsvShape {
  /** The file's name in errors. */
  readonly file: string;
  /** What the engine reads: the file itself, or a copy without the header. */
  readonly path: string;
  readonly isCopy: boolean;
  readonly compression: Compression;
}

/** Checks the file at `path` and tells the engine's way to it. `onCopy` is told of a copy before it is written. */
export async function prepareFile(
  path: string,
  file: string,
  delimiter: string,
  context: SourceContext,
  limits: ContentLimits,
  onCopy: (path: string) => void,
): Promise<PreparedFile> {
  const content = await openContent(path, file, limits);
  const scan = scanCsv(file, delimiter);
  if (content.whole !== null) scan.push(content.whole);
  else for await (const chunk of content.chunks(context.signal)) scan.push(chunk);
  const shape = scan.end();
  // The engine takes the first line end it meets, in quotes or not, for the file's only kind; a plain header shows it the
  // right one.
  const rewrite = shape.lineEnds === "mixed" || shape.header.some((name) => /[\r\n]/.test(name));
  const original = { ...shape, file, path, isCopy: false, compression: content.compression };
  // Inflating a file twice costs less than writing it once.
  if (shape.rows === 0 || !rewrite) return original;

  const copy = context.artifacts.temporary(".csv");
  onCopy(copy);
  const hasReturns = shape.lineEnds === "mixed" || shape.lineEnds === "crlf";
  const unify = hasReturns ? unifyLineEnds(delimiter) : (chunk: Buffer) => chunk;
  if (content.whole !== null) {
    writeFileSync(copy, unify(content.whole.subarray(shape.headerBytes)));
  } else {
    await pipeline(without(content.chunks(context.signal), shape.headerBytes, unify), createWriteStream(copy));
  }
  return { ...original, path: copy, isCopy: true, compression: "none", lineEnds: hasReturns ? "lf" : shape.lineEnds };
}

async function* without(
  chunks: AsyncIterable<Buffer>,
  head: number,
  change: (chunk: Buffer) => Buffer,
): AsyncGenerator<Buffer> {
  let skip = head;
  for await (const chunk of chunks) {
    if (chunk.length > skip) yield change(chunk.subarray(skip));
    skip = Math.max(0, skip - chunk.length);
  }
}

/** Turns CRLF into LF outside quotes; for text that the scan has accepted, piece by piece. */
function unifyLineEnds(delimiter: string): (chunk: Buffer) => Buffer {
  const separator = delimiter.charCodeAt(0);
  let state: "start" | "field" | "quotes" | "quote" = "start";
  return (chunk) => {
    const output = Buffer.allocUnsafe(chunk.length);
    let length = 0;
    for (const byte of chunk) {
      // Outside quotes the scan has let a CR pass only before an LF.
      if (byte === 0x0d && state !== "quotes") continue;
      output[length] = byte;
      length += 1;
      if (state === "quotes") state = byte === 0x22 ? "quote" : "quotes";
      else if (byte === separator || byte === 0x0a) state = "start";
      else if (byte === 0x22 && state !== "field") state = "quotes";
      else if (state === "start" && byte !== 0x20) state = "field";
    }
    return output.subarray(0, length);
  };
}
