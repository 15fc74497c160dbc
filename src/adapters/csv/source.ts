// Reads CSV files as a dataset of text columns. Every row of every file arrives, in order, or is set aside, or the whole
// fails with one line that names the file.
import { rm } from "node:fs/promises";
import type { CsvColumn, CsvRequest } from "../../connect/csv.ts";
import type { FileSet, SourceAdapter, SourceContext } from "../../connect/source.ts";
import type { Column, Dataset } from "../../dataset/dataset.ts";
import { quoteIdentifier, quoteLiteral, quotePath } from "../../dataset/sql.ts";
import { writeQuery } from "../../dataset/write-dataset.ts";
import { isSluiceError, SluiceError } from "../../errors.ts";
import { contentHash } from "../../json.ts";
import { contentLimits, type ContentLimits } from "../files/content.ts";
import { localFileSet } from "../files/file-set.ts";
import { localFiles, type FileReader, type SourceFile } from "../files/list.ts";
import { createRejects } from "../files/rejects.ts";
import { checkPresent, columnsOf } from "./columns.ts";
import { prepareFile, type PreparedFile } from "./prepare.ts";

/** Names of files that a whole folder is looked through for. */
export const csvExtensions: readonly string[] = ["csv", "csv.gz", "csv.zst"];

/** The adapter of the vendor "csv". */
export const csvSource: SourceAdapter = createCsvSource();

/** The same, holding other amounts in memory. */
export function createCsvSource(limits: ContentLimits = contentLimits): SourceAdapter {
  return localFiles(csvReader(limits), csvExtensions);
}

/** Reads CSV files, wherever they come from. */
export function csvReader(limits: ContentLimits = contentLimits): FileReader {
  return (files, request, context) => readFiles(files, request as CsvRequest, context, limits);
}

/** The same, file by file. */
export const csvFiles: FileSet = localFileSet(csvReader(), csvExtensions);

async function readFiles(
  files: readonly SourceFile[],
  request: CsvRequest,
  context: SourceContext,
  limits: ContentLimits,
): Promise<Dataset> {
  const copies: string[] = [];
  const rejects = request.onMalformed === "quarantine" ? createRejects(context) : null;
  try {
    const prepared: PreparedFile[] = [];
    for (const file of files) {
      context.signal.throwIfAborted();
      const before = prepared.reduce((sum, { records }) => sum + records, 0);
      prepared.push(await prepareFile(file, request, context, limits, (path) => copies.push(path), rejects, before));
    }
    const columns = columnsOf(request, prepared);
    const dataset = await readPrepared(prepared, columns, request, context);
    if (rejects === null) return dataset;
    const quarantined = await rejects.settle(context, "csv");
    const records = prepared.reduce((sum, file) => sum + file.records, 0);
    if (records !== dataset.rows + quarantined) {
      throw new SluiceError(
        "ACCOUNTING",
        `${request.pattern} holds ${records} rows, but ${dataset.rows} came out and ${quarantined} were set aside`,
        { hint: "Please report this: nothing was loaded.", details: { records, rows: dataset.rows, quarantined } },
      );
    }
    return quarantined === 0 ? dataset : { ...dataset, quarantined };
  } finally {
    rejects?.dispose();
    await Promise.all(copies.map((path) => rm(path, { force: true })));
  }
}

async function readPrepared(
  prepared: readonly PreparedFile[],
  columns: readonly CsvColumn[],
  request: CsvRequest,
  context: SourceContext,
): Promise<Dataset> {
  const holding = prepared.filter((file) => file.rows > 0);
  if (holding.length === 0) return nothing(columns);
  const query = adjacentGroups(holding)
    .map((group) => readGroup(group, columns, request.delimiter))
    .join("\nUNION ALL\n");
  const expected = holding.reduce((sum, file) => sum + file.rows, 0);
  const session = await context.session();
  session.expect(expected);
  const dataset = await writeQuery(session, context.artifacts, query, {
    columns: textColumns(columns),
    maxRows: expected,
  }).catch((error: unknown) => {
    throw readError(error, request, prepared);
  });
  if (dataset.rows === expected) return dataset;
  throw new SluiceError("SOURCE_MALFORMED", `${request.pattern} holds ${expected} rows, but ${dataset.rows} came out`, {
    hint: "An expression of `columns` must give one value per row; if none aggregates, please report this.",
    details: { expected, rows: dataset.rows },
  });
}

/** Files next to each other that one reader can read: the same header, the same kind of file. */
function adjacentGroups(files: readonly PreparedFile[]): PreparedFile[][] {
  const groups: PreparedFile[][] = [];
  let last = "";
  for (const file of files) {
    const key = JSON.stringify([file.read, file.isCopy, file.compression, file.lineEnds]);
    if (key === last) groups.at(-1)!.push(file);
    else groups.push([file]);
    last = key;
  }
  return groups;
}

function readGroup(group: readonly PreparedFile[], columns: readonly CsvColumn[], delimiter: string): string {
  const { read, isCopy, compression, lineEnds } = group[0]!;
  const selected = columns.map((column) =>
    "column" in column
      ? `${quoteIdentifier(column.column)} AS ${quoteIdentifier(column.name)}`
      : `CAST((${column.expression}\n) AS VARCHAR) AS ${quoteIdentifier(column.name)}`,
  );
  // The engine's own limit is 2 MB; the scan knows how long rows really are.
  const longest = Math.max(...group.map((file) => file.longestRow));
  const options = [
    `[${group.map((file) => quotePath(file.path)).join(", ")}]`,
    `columns = {${read.map((name) => `${quoteLiteral(name)}: 'VARCHAR'`).join(", ")}}`,
    `auto_detect = false, header = ${!isCopy}, compression = '${compression}', strict_mode = true`,
    `delim = ${quoteLiteral(delimiter)}, quote = '"', escape = '"', allow_quoted_nulls = false`,
    ...(lineEnds === "crlf" ? [] : [`new_line = '${lineEnds === "cr" ? "\\r" : "\\n"}'`]),
    ...(longest > 1_000_000 ? [`max_line_size = ${longest * 2}`] : []),
  ];
  return `SELECT ${selected.join(", ")} FROM read_csv(${options.join(", ")})`;
}

function nothing(columns: readonly CsvColumn[]): Dataset {
  const described = textColumns(columns);
  return {
    kind: "dataset",
    files: [],
    columns: described,
    rows: 0,
    bytes: 0,
    hash: contentHash({ columns: described, rows: 0 }),
  };
}

function textColumns(columns: readonly CsvColumn[]): Column[] {
  return columns.map(({ name }) => ({ name, type: "VARCHAR" }));
}

/** The engine's complaint in the words of the file. */
function readError(error: unknown, request: CsvRequest, files: readonly PreparedFile[]): unknown {
  if (!isSluiceError(error) || error.code !== "QUERY_FAILED") return error;
  const unknown = /Referenced column "(.*?)" not found/.exec(error.message)?.[1];
  for (const { file, header } of files) if (unknown !== undefined) checkPresent(file, header, unknown);
  const code = /CSV/.test(error.message) ? "SOURCE_MALFORMED" : "QUERY_FAILED";
  return new SluiceError(code, `${request.pattern} could not be read: ${error.message}`, {
    hint:
      code === "QUERY_FAILED"
        ? "Check the expressions in `columns`."
        : "Check the file against the format that csv(…) describes.",
    details: error.details,
    cause: error.cause,
  });
}
