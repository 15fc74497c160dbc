// Reads CSV files as a dataset of text columns. Every row of every file arrives, in order, or the whole fails with one
// line that names the file.
import { existsSync, globSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import type { CsvColumn, CsvRequest } from "../../connect/csv.ts";
import type { Source, SourceAdapter, SourceContext } from "../../connect/source.ts";
import type { Column, Dataset } from "../../dataset/dataset.ts";
import { quoteIdentifier, quoteLiteral, quotePath } from "../../dataset/sql.ts";
import { writeQuery } from "../../dataset/write-dataset.ts";
import { isSluiceError, SluiceError } from "../../errors.ts";
import { contentHash } from "../../json.ts";
import { checkPresent, columnsOf } from "./columns.ts";
import { contentLimits, type ContentLimits } from "./content.ts";
import { prepareFile, type PreparedFile } from "./prepare.ts";

/** The adapter of the vendor "csv". */
export const csvSource: SourceAdapter = createCsvSource();

/** The same, holding other amounts in memory. */
export function createCsvSource(limits: ContentLimits = contentLimits): SourceAdapter {
  return (source, context) => readFiles(source, context, limits);
}

async function readFiles(source: Source, context: SourceContext, limits: ContentLimits): Promise<Dataset> {
  const request = source.request as CsvRequest;
  const files = filesOf(request, context.folder);
  const copies: string[] = [];
  try {
    const prepared: PreparedFile[] = [];
    for (const file of files) {
      context.signal.throwIfAborted();
      prepared.push(
        await prepareFile(resolve(context.folder, file), file, request.delimiter, context, limits, (path) =>
          copies.push(path),
        ),
      );
    }
    const columns = columnsOf(request, prepared);
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
    if (dataset.rows !== expected) {
      throw new SluiceError(
        "SOURCE_MALFORMED",
        `${request.pattern} holds ${expected} rows, but ${dataset.rows} came out`,
        {
          hint: "An expression of `columns` must give one value per row; if none aggregates, please report this.",
          details: { expected, rows: dataset.rows },
        },
      );
    }
    return dataset;
  } finally {
    await Promise.all(copies.map((path) => rm(path, { force: true })));
  }
}

/** The files to read, in the order of their names; none where that means no rows. */
function filesOf(request: CsvRequest, folder: string): string[] {
  const { pattern } = request;
  if (existsSync(resolve(folder, pattern))) return [pattern];
  const isGlob = /[*?[{]/.test(pattern);
  const matches = isGlob
    ? globSync(pattern, { cwd: folder })
        .filter((file) => statSync(resolve(folder, file)).isFile())
        .sort()
    : [];
  if (matches.length > 0 || request.whenMissing === "empty") return matches;
  throw new SluiceError(
    "SOURCE_MISSING",
    isGlob ? `No file matches ${pattern} in ${folder}` : `${resolve(folder, pattern)} does not exist`,
    {
      hint: 'Check the path; where a missing file means that there is nothing to read, give csv(…) whenMissing: "empty".',
      details: { pattern, folder },
    },
  );
}

/** Files next to each other that one reader can read: the same header, the same kind of file. */
function adjacentGroups(files: readonly PreparedFile[]): PreparedFile[][] {
  const groups: PreparedFile[][] = [];
  let last = "";
  for (const file of files) {
    const key = JSON.stringify([file.header, file.isCopy, file.compression, file.lineEnds]);
    if (key === last) groups.at(-1)!.push(file);
    else groups.push([file]);
    last = key;
  }
  return groups;
}

function readGroup(group: readonly PreparedFile[], columns: readonly CsvColumn[], delimiter: string): string {
  const { header, isCopy, compression, lineEnds } = group[0]!;
  const selected = columns.map((column) =>
    "column" in column
      ? `${quoteIdentifier(column.column)} AS ${quoteIdentifier(column.name)}`
      : `CAST((${column.expression}\n) AS VARCHAR) AS ${quoteIdentifier(column.name)}`,
  );
  // The engine's own limit is 2 MB; the scan knows how long rows really are.
  const longest = Math.max(...group.map((file) => file.longestRow));
  const options = [
    `[${group.map((file) => quotePath(file.path)).join(", ")}]`,
    `columns = {${header.map((name) => `${quoteLiteral(name)}: 'VARCHAR'`).join(", ")}}`,
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
