// Reads Parquet files as a dataset. Every file is looked at first: what differs from the others is named, before the engine
// would cast one to the other.
import type { FileColumn } from "../../connect/file-source.ts";
import type { ParquetRequest } from "../../connect/parquet.ts";
import type { FileSet, SourceAdapter, SourceContext } from "../../connect/source.ts";
import type { Column, Dataset } from "../../dataset/dataset.ts";
import { probableRename } from "../../dataset/rename-suspicion.ts";
import type { Session } from "../../dataset/session.ts";
import { quoteIdentifier, quotePath } from "../../dataset/sql.ts";
import { writeQuery } from "../../dataset/write-dataset.ts";
import { isSluiceError, SluiceError } from "../../errors.ts";
import { localFileSet } from "../files/file-set.ts";
import { localFiles, type FileReader, type SourceFile } from "../files/list.ts";
import { malformed } from "../files/malformed.ts";

/** Names of files that a whole folder is looked through for. */
export const parquetExtensions: readonly string[] = ["parquet"];

/** Reads Parquet files, wherever they come from. */
export const parquetReader: FileReader = (files, request, context) =>
  readFiles(files, request as ParquetRequest, context);

/** The adapter of the vendor "parquet". */
export const parquetSource: SourceAdapter = localFiles(parquetReader, parquetExtensions);

/** The same, file by file. */
export const parquetFiles: FileSet = localFileSet(parquetReader, parquetExtensions);

async function readFiles(
  files: readonly SourceFile[],
  request: ParquetRequest,
  context: SourceContext,
): Promise<Dataset> {
  const session = await context.session();
  const [first, ...others] = files as [SourceFile, ...SourceFile[]];
  const columns = await columnsIn(first, session);
  let expected = await rowsIn(first, session);
  for (const file of others) {
    context.signal.throwIfAborted();
    compare(first, columns, file, await columnsIn(file, session));
    expected += await rowsIn(file, session);
  }
  const selected = (request.columns ?? columns.map(({ name }): FileColumn => ({ name, column: name }))).map((column) =>
    select(column, columns, first),
  );
  const paths = files.map(({ path }) => quotePath(path)).join(", ");
  const query = `SELECT ${selected.join(", ")} FROM read_parquet([${paths}], hive_partitioning = false)`;
  session.expect(expected);
  const dataset = await writeQuery(session, context.artifacts, query).catch((error: unknown) => {
    throw readError(error, request, columns, first);
  });
  if (dataset.rows === expected) return dataset;
  throw malformed(
    request.pattern,
    `holds ${expected} rows, but ${dataset.rows} came out`,
    "An expression of `columns` must give one value per row; if none aggregates, please report this.",
  );
}

async function columnsIn(file: SourceFile, session: Session): Promise<Column[]> {
  try {
    return await session.describe(`SELECT * FROM read_parquet(${quotePath(file.path)}, hive_partitioning = false)`);
  } catch (error) {
    if (!isSluiceError(error) || error.code !== "QUERY_FAILED") throw error;
    throw malformed(
      file.name,
      `is not a Parquet file, or it is damaged (${reasonOf(error, file)})`,
      "Fetch the file again.",
    );
  }
}

function reasonOf(error: SluiceError, file: SourceFile): string {
  return error.message.replace(/^[\w ]+ Error: /, "").replaceAll(file.path, file.name);
}

async function rowsIn(file: SourceFile, session: Session): Promise<number> {
  const [row] = await session.rows(`SELECT num_rows AS rows FROM parquet_file_metadata(${quotePath(file.path)})`);
  return Number(row!["rows"]);
}

function compare(first: SourceFile, columns: readonly Column[], file: SourceFile, own: readonly Column[]): void {
  const fail = (what: string): never => {
    throw new SluiceError("SOURCE_COLUMNS", `${file.name} ${what}`, {
      hint: "Read files with the same columns: name fewer of them, or extract the others in a step of their own.",
      details: { file: file.name, columns: own, first: first.name, expected: columns },
    });
  };
  for (const { name, type } of columns) {
    const other = own.find((column) => column.name === name);
    if (other === undefined) fail(`has no column "${name}", which ${first.name} has`);
    else if (other.type !== type) fail(`has "${name}" as ${other.type}, ${first.name} as ${type}`);
  }
  const extra = own.find(({ name }) => !columns.some((column) => column.name === name));
  if (extra !== undefined) fail(`has the column "${extra.name}", which ${first.name} lacks`);
}

function select(column: FileColumn, columns: readonly Column[], file: SourceFile): string {
  const name = quoteIdentifier(column.name);
  if ("expression" in column) return `(${column.expression}\n) AS ${name}`;
  checkPresent(column.column, columns, file);
  return `${quoteIdentifier(column.column)} AS ${name}`;
}

function checkPresent(wanted: string, columns: readonly Column[], file: SourceFile): void {
  const names = columns.map(({ name }) => name);
  if (names.includes(wanted)) return;
  const rename = probableRename(wanted, names);
  const guess = rename === null ? "" : ` (probably renamed to "${rename}")`;
  const shown = names
    .slice(0, 50)
    .map((name) => JSON.stringify(name))
    .join(", ");
  throw new SluiceError("SOURCE_COLUMNS", `${file.name} has no column "${wanted}"${guess}; it has ${shown}`, {
    hint: "Change the name in `columns`, or have the file corrected.",
    details: { file: file.name, missing: wanted, probableRename: rename },
  });
}

function readError(error: unknown, request: ParquetRequest, columns: readonly Column[], first: SourceFile): unknown {
  if (!isSluiceError(error) || error.code !== "QUERY_FAILED") return error;
  const unknown = /Referenced column "(.*?)" not found/.exec(error.message)?.[1];
  if (unknown !== undefined) checkPresent(unknown, columns, first);
  const isData =
    !/^(?:Binder|Parser|Catalog|Conversion|Out of Range|Invalid Input) Error/.test(error.message) ||
    /parquet|thrift|corrupt/i.test(error.message);
  return new SluiceError(
    isData ? "SOURCE_MALFORMED" : "QUERY_FAILED",
    `${request.pattern} could not be read: ${error.message}`,
    {
      hint: isData ? "One of the files is damaged: fetch it again." : "Check the expressions in `columns`.",
      details: error.details,
      cause: error.cause,
    },
  );
}
