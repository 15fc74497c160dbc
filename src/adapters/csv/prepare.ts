// A CSV file made ready for the engine: checked from first to last byte, and rewritten only where the engine would
// misread it. What the engine then reads has one kind of line end and holds a known number of rows.
import type { CsvRequest } from "../../connect/csv.ts";
import type { SourceContext } from "../../connect/source.ts";
import type { Compression, ContentLimits } from "../files/content.ts";
import { openUtf8 } from "../files/encoding.ts";
import type { SourceFile } from "../files/list.ts";
import type { Rejects } from "../files/rejects.ts";
import { neededColumns } from "./columns.ts";
import { keepGood } from "./keep.ts";
import { onlyFields, unifyLineEnds } from "./rewrite.ts";
import { scanCsv, type BadRow, type CsvShape } from "./scan.ts";
import { writeFile } from "../files/write-file.ts";

export interface PreparedFile extends CsvShape {
  /** The file's name in errors. */
  readonly file: string;
  /** What the engine reads: the file itself, or a copy without the header. */
  readonly path: string;
  readonly isCopy: boolean;
  readonly compression: Compression;
  /** Its rows, and those that were rejected. */
  readonly records: number;
  /** Columns of what the engine reads. */
  readonly read: readonly string[];
}

/**
 * Checks a file and tells the engine's way to it. `onCopy` is told of a copy before it is written; rows that break the format
 * go to `rejects`, or are an error. `before` is how many rows the files before it hold.
 */
export async function prepareFile(
  source: SourceFile,
  request: CsvRequest,
  context: SourceContext,
  limits: ContentLimits,
  onCopy: (path: string) => void,
  rejects: Rejects | null,
  before: number,
): Promise<PreparedFile> {
  const { name: file } = source;
  const { delimiter } = request;
  const { path, content } = await openUtf8(source.path, file, request.encoding, context, limits, onCopy);
  const bad: BadRow[] = [];
  const scan = scanCsv(file, delimiter, rejects === null ? null : (row) => bad.push(row));
  if (content.whole !== null) scan.push(content.whole);
  else for await (const chunk of content.chunks(context.signal)) scan.push(chunk);
  const shape = scan.end();
  const { header, headerBytes, rows } = shape;
  const records = rows + bad.reduce((sum, row) => sum + (row.lines ?? 1), 0);
  const needed = neededColumns(request, file, header);
  // The engine takes the first line end it meets, in quotes or not, for the file's only kind; a plain header shows it the
  // right one.
  const rewrite =
    shape.lineEnds === "mixed" || needed !== null || bad.length > 0 || header.some((name) => /[\r\n]/.test(name));
  const original = { ...shape, file, path, isCopy: false, compression: content.compression, records, read: header };
  // Inflating a file twice costs less than writing it once.
  if (records === 0 || !rewrite) return original;

  const copy = context.artifacts.temporary(".csv");
  onCopy(copy);
  const hasReturns = shape.lineEnds === "mixed" || shape.lineEnds === "crlf";
  const unify = hasReturns ? unifyLineEnds(delimiter) : (chunk: Buffer) => chunk;
  const project = needed === null ? (chunk: Buffer) => chunk : onlyFields(delimiter, needed, shape.lineEnds === "cr");
  const chunks = content.whole === null ? content.chunks(context.signal) : [content.whole];
  const good = keepGood(chunks, headerBytes, bad, file, before, (row) => rejects!.add(row));
  await writeFile(
    copy,
    changed(good, (chunk) => project(unify(chunk))),
  );
  return {
    ...original,
    path: copy,
    isCopy: true,
    compression: "none",
    lineEnds: hasReturns ? "lf" : shape.lineEnds,
    read: needed === null ? header : needed.map((position) => header[position]!),
  };
}

async function* changed(chunks: AsyncIterable<Buffer>, change: (chunk: Buffer) => Buffer): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    const output = change(chunk);
    if (output.length > 0) yield output;
  }
}
