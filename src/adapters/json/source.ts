// Reads JSONL files and JSON documents as a dataset, a batch of records in memory at a time. Every record arrives, in order, or
// is set aside, or the whole fails with one line that names the file and the place.
import { rm } from "node:fs/promises";
import type { JsonRequest } from "../../connect/json-files.ts";
import type { FileSet, SourceAdapter, SourceContext } from "../../connect/source.ts";
import type { Column, Dataset } from "../../dataset/dataset.ts";
import { writeRows } from "../../dataset/write-dataset.ts";
import { SluiceError } from "../../errors.ts";
import { contentHash } from "../../json.ts";
import { contentLimits, type Content, type ContentLimits } from "../files/content.ts";
import { openUtf8 } from "../files/encoding.ts";
import { localFileSet } from "../files/file-set.ts";
import { localFiles, type FileReader, type SourceFile } from "../files/list.ts";
import { malformed } from "../files/malformed.ts";
import { createRejects, type Rejects } from "../files/rejects.ts";
import { createRowReader, type RowReader, type TextRow } from "./columns.ts";
import { recordsIn, type JsonRecord } from "./records.ts";

/** Names of files that a whole folder is looked through for. */
export const jsonExtensions: readonly string[] = ["jsonl", "ndjson", "json"].flatMap((name) => [
  name,
  `${name}.gz`,
  `${name}.zst`,
]);

/** More keys than these are taken for data that became keys. */
const mostKeys = 4096;

/** The adapter of the vendor "json". */
export const jsonSource: SourceAdapter = createJsonSource();

/** The same, holding other amounts in memory. */
export function createJsonSource(limits: ContentLimits = contentLimits): SourceAdapter {
  return localFiles(jsonReader(limits), jsonExtensions);
}

/** Reads JSON files, wherever they come from. */
export function jsonReader(limits: ContentLimits = contentLimits): FileReader {
  return (files, request, context) => readFiles(files, request as JsonRequest, context, limits);
}

/** The same, file by file. */
export const jsonFiles: FileSet = localFileSet(jsonReader(), jsonExtensions);

interface OpenedFile {
  readonly file: string;
  readonly content: Content;
}

async function readFiles(
  files: readonly SourceFile[],
  request: JsonRequest,
  context: SourceContext,
  limits: ContentLimits,
): Promise<Dataset> {
  const copies: string[] = [];
  const rejects = request.onMalformed === "quarantine" ? createRejects(context) : null;
  try {
    const opened: OpenedFile[] = [];
    for (const { name, path } of files) {
      context.signal.throwIfAborted();
      const { content } = await openUtf8(path, name, request.encoding, context, limits, (copy) => copies.push(copy));
      opened.push({ file: name, content });
    }
    const columns = request.columns ?? (await keysOf(opened, request, context));
    const described = columns.map(({ name, type }): Column => ({ name, type }));
    const reader = createRowReader(columns);
    const counted = { records: 0 };
    const rows = rowsOf(opened, request, context, reader, rejects, counted);
    if (columns.length === 0) {
      for await (const batch of rows) if (batch.length > 0) break;
      await rejects?.settle(context, request.shape === "lines" ? "jsonl" : "json");
      throw new SluiceError(
        "SOURCE_COLUMNS",
        `${request.pattern}: no record has a key, so nothing tells what the columns are`,
        {
          hint: "Name the `columns`.",
        },
      );
    }
    const dataset =
      opened.length === 0
        ? nothing(described)
        : await writeRows(await context.session(), context.artifacts, described, rows);
    reader.finish(request.pattern);
    if (rejects === null) return dataset;
    const quarantined = await rejects.settle(context, request.shape === "lines" ? "jsonl" : "json");
    if (counted.records !== dataset.rows + quarantined) {
      throw new SluiceError(
        "ACCOUNTING",
        `${request.pattern} holds ${counted.records} records, but ${dataset.rows} came out and ${quarantined} were set aside`,
        { hint: "Please report this: nothing was loaded.", details: { ...counted, rows: dataset.rows, quarantined } },
      );
    }
    return quarantined === 0 ? dataset : { ...dataset, quarantined };
  } finally {
    rejects?.dispose();
    await Promise.all(copies.map((path) => rm(path, { force: true })));
  }
}

async function* rowsOf(
  files: readonly OpenedFile[],
  request: JsonRequest,
  context: SourceContext,
  reader: RowReader,
  rejects: Rejects | null,
  counted: { records: number },
): AsyncGenerator<TextRow[]> {
  for (const { file, content } of files) {
    for await (const batch of recordsIn(content, file, request, context.signal)) {
      const rows: TextRow[] = [];
      for (const record of batch) {
        counted.records += 1;
        const { fault } = record;
        if (fault !== null) {
          reject(rejects, file, record, counted.records, "", fault.rule, null, fault.what);
          continue;
        }
        const { row, misfit } = reader.row(record.value);
        if (misfit === null) rows.push(row);
        else {
          const given = JSON.stringify(String(misfit.value).slice(0, 80));
          const what = `${placeOf(request, record)} has ${given} as "${misfit.column}", which is no ${misfit.type}`;
          reject(rejects, file, record, counted.records, misfit.column, "type", misfit.value, what);
        }
      }
      yield rows;
    }
  }
}

function placeOf({ shape }: JsonRequest, { place }: JsonRecord): string {
  return `${shape === "lines" ? "line" : "record"} ${place}`;
}

function reject(
  rejects: Rejects | null,
  file: string,
  record: JsonRecord,
  position: number,
  path: string,
  rule: string,
  value: string | number | boolean | null | object,
  what: string,
): void {
  if (rejects === null) {
    throw malformed(file, what, 'Have it corrected, or set such records aside: onMalformed: "quarantine".', {
      place: record.place,
      column: path === "" ? undefined : path,
    });
  }
  const text = record.text ?? JSON.stringify(record.value);
  rejects.add({
    record: position,
    row: { file, [record.text === null ? "element" : "line"]: record.place, text },
    reasons: [{ path, rule, value: value as string | null, message: `${file}: ${what}` }],
  });
}

/** Every key that a record has, in the order in which they are met: a first pass over the files. */
async function keysOf(
  files: readonly OpenedFile[],
  request: JsonRequest,
  context: SourceContext,
): Promise<NonNullable<JsonRequest["columns"]>> {
  const keys = new Map<string, string>();
  for (const { file, content } of files) {
    for await (const batch of recordsIn(content, file, request, context.signal)) {
      for (const record of batch) {
        if (record.fault !== null) {
          // Rows after it may have keys of their own, but nothing will come of them.
          if (request.onMalformed === "fail")
            reject(null, file, record, 0, "", record.fault.rule, null, record.fault.what);
          continue;
        }
        for (const key of Object.keys(record.value as object)) {
          const known = keys.get(key.toLowerCase());
          if (known === key) continue;
          if (known !== undefined || keys.size === mostKeys) throw tooManyKeys(file, key, known);
          keys.set(key.toLowerCase(), key);
        }
      }
    }
  }
  return [...keys.values()].map((name) => ({ name, from: [name], type: "JSON", optional: false }));
}

function tooManyKeys(file: string, key: string, known: string | undefined): SluiceError {
  const what =
    known === undefined
      ? `has more than ${mostKeys} different keys`
      : `has the keys "${known}" and "${key}", which would be the same column`;
  return new SluiceError("SOURCE_COLUMNS", `${file} ${what}`, {
    hint: "Name those to take in `columns`.",
    details: { file, key },
  });
}

function nothing(columns: readonly Column[]): Dataset {
  return { kind: "dataset", files: [], columns, rows: 0, bytes: 0, hash: contentHash({ columns, rows: 0 } as never) };
}
