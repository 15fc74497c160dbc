// Reads sheets of Excel workbooks as a dataset of text columns: each is written as CSV, which the engine reads like any other.
import { rm } from "node:fs/promises";
import type { CsvRequest } from "../../connect/csv.ts";
import type { ExcelRequest } from "../../connect/excel.ts";
import type { FileSet, SourceAdapter, SourceContext } from "../../connect/source.ts";
import type { Dataset } from "../../dataset/dataset.ts";
import { SluiceError } from "../../errors.ts";
import { csvReader } from "../csv/source.ts";
import { localFileSet } from "../files/file-set.ts";
import { localFiles, type FileReader, type SourceFile } from "../files/list.ts";
import { malformed } from "../files/malformed.ts";
import { createRejects, type Rejects } from "../files/rejects.ts";
import { cellText } from "./cell.ts";
import { writeFile } from "../files/write-file.ts";

/** Names of files that a whole folder is looked through for. */
export const excelExtensions: readonly string[] = ["xlsx"];

/** Reads workbooks, wherever they come from. */
export const excelReader: FileReader = (files, request, context) => readFiles(files, request as ExcelRequest, context);

/** The adapter of the vendor "excel". */
export const excelSource: SourceAdapter = localFiles(excelReader, excelExtensions);

/** The same, file by file. */
export const excelFiles: FileSet = localFileSet(excelReader, excelExtensions);

async function readFiles(
  files: readonly SourceFile[],
  request: ExcelRequest,
  context: SourceContext,
): Promise<Dataset> {
  const copies: string[] = [];
  const rejects = request.onMalformed === "quarantine" ? createRejects(context) : null;
  try {
    const sheets: SourceFile[] = [];
    let records = 0;
    for (const file of files) {
      context.signal.throwIfAborted();
      const path = context.artifacts.temporary(".csv");
      copies.push(path);
      const rows = await sheetOf(file, request);
      const counted = { records };
      await writeFile(path, csvLines(rows, file, request, rejects, counted));
      records = counted.records;
      sheets.push({ name: file.name, path });
    }
    const { pattern, columns, whenMissing } = request;
    const asCsv: CsvRequest = {
      pattern,
      columns,
      whenMissing,
      extraColumns: "ignore",
      delimiter: ",",
      onMalformed: "fail",
      encoding: null,
    };
    const dataset = await csvReader()(sheets, asCsv, context);
    if (rejects === null) return dataset;
    const quarantined = await rejects.settle(context, "excel");
    if (records !== dataset.rows + quarantined) {
      throw new SluiceError(
        "ACCOUNTING",
        `${pattern} holds ${records} rows, but ${dataset.rows} came out and ${quarantined} were set aside`,
        {
          hint: "Please report this: nothing was loaded.",
        },
      );
    }
    return quarantined === 0 ? dataset : { ...dataset, quarantined };
  } finally {
    rejects?.dispose();
    await Promise.all(copies.map((path) => rm(path, { force: true })));
  }
}

type Rows = readonly (readonly (string | null)[])[];

async function sheetOf({ name, path }: SourceFile, { sheet }: ExcelRequest): Promise<Rows> {
  const { readSheet } = await loadReader();
  try {
    // Numbers as their digits: a double would round long ones.
    const rows = await readSheet(path, sheet, { trim: false, parseNumber: (digits) => ({ digits }) });
    return rows.map((row) => row.map((cell) => cellText(cell as Parameters<typeof cellText>[0])));
  } catch (cause) {
    const error = cause as NodeJS.ErrnoException;
    if (error.code === "ENOENT")
      throw new SluiceError("SOURCE_MISSING", `${name} does not exist`, { details: { file: name } });
    if (error.name === "SheetNotFoundError") {
      throw new SluiceError("SOURCE_MISSING", `${name} has no sheet ${JSON.stringify(sheet)}`, {
        hint: error.message.replace(/^.*?Available/, "Available"),
        details: { file: name, sheet },
        cause,
      });
    }
    if (error.code !== undefined && /^E[A-Z]+$/.test(error.code)) throw cause;
    throw malformed(
      name,
      `is not an Excel workbook (.xlsx), or it is damaged (${error.message.split("\n", 1)[0]})`,
      "Save it again as .xlsx; the older .xls is not read.",
    );
  }
}

async function loadReader(): Promise<typeof import("read-excel-file/node")> {
  try {
    return await import("read-excel-file/node");
  } catch (cause) {
    throw new SluiceError("DEPENDENCY_MISSING", "Reading Excel workbooks needs the package read-excel-file", {
      hint: "npm install read-excel-file",
      cause,
    });
  }
}

function* csvLines(
  rows: Rows,
  { name: file }: SourceFile,
  request: ExcelRequest,
  rejects: Rejects | null,
  counted: { records: number },
): Generator<string> {
  const names = rows[request.header - 1] ?? [];
  const width = names.findLastIndex((name) => name !== null && name !== "") + 1;
  if (width === 0) {
    throw malformed(file, `row ${request.header} has no column names`, "Say which row has them: header: 3.", {
      row: request.header,
    });
  }
  yield `${names.slice(0, width).map(quoted).join(",")}\n`;
  for (let index = request.header; index < rows.length; index += 1) {
    const row = rows[index]!;
    if (row.every((cell) => cell === null)) continue;
    counted.records += 1;
    const beyond = row.findIndex((cell, column) => column >= width && cell !== null);
    if (beyond === -1) {
      const cells = Array.from({ length: width }, (_, column) => quoted(row[column] ?? null));
      // A null alone on its line would be no line.
      yield `${cells.join(",")}\n`;
      continue;
    }
    const what = `row ${index + 1} has a value in column ${beyond + 1}, which has no name`;
    if (rejects === null)
      throw malformed(file, what, 'Name the column, or set such rows aside: onMalformed: "quarantine".', {
        row: index + 1,
      });
    rejects.add({
      record: counted.records,
      row: { file, line: index + 1, text: JSON.stringify(row) },
      reasons: [{ path: "", rule: "fields", value: row[beyond]!, message: `${file}: ${what}` }],
    });
  }
}

function quoted(cell: string | null): string {
  return cell === null ? "" : `"${cell.replaceAll('"', '""')}"`;
}
