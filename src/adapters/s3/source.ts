// Reads objects of a bucket as files: each is fetched into a temporary file, whole, and read by the format's own reader. Tables
// of files are read as of their newest manifest.
import { rm } from "node:fs/promises";
import type { FileSet, Source, SourceAdapter, SourceContext } from "../../connect/source.ts";
import type { Dataset } from "../../dataset/dataset.ts";
import { writeQuery } from "../../dataset/write-dataset.ts";
import type { JsonObject } from "../../json.ts";
import { csvExtensions, csvReader } from "../csv/source.ts";
import { excelExtensions, excelReader } from "../excel/source.ts";
import { fixedPrefix, globPattern } from "../files/glob.ts";
import { missing, wholeFolder, type FileReader, type FileRequest, type SourceFile } from "../files/list.ts";
import { relation } from "../files-table/read.ts";
import { jsonExtensions, jsonReader } from "../json/source.ts";
import { noTable } from "../files-table/local.ts";
import { parquetExtensions, parquetReader } from "../parquet/source.ts";
import { openBucket, type Bucket, type ObjectEntry } from "./client.ts";
import { bucketPlace } from "./sink.ts";

interface Format {
  readonly read: FileReader;
  readonly extensions: readonly string[];
}

const formats: Readonly<Record<string, Format>> = {
  csv: { read: csvReader(), extensions: csvExtensions },
  json: { read: jsonReader(), extensions: jsonExtensions },
  parquet: { read: parquetReader, extensions: parquetExtensions },
  excel: { read: excelReader, extensions: excelExtensions },
};

/** The adapter of the vendor "s3". */
export const s3Source: SourceAdapter = async (source, context) => {
  context.signal.throwIfAborted();
  return source.request["table"] === undefined ? readObjects(source, context) : readTable(source, context);
};

/** The same, object by object: its tag tells whether it has changed. */
export const s3Files: FileSet = {
  list: async ({ connection, request }, known, context) => {
    context.signal.throwIfAborted();
    const bucket = await openBucket(connection!, context.resolve, "SOURCE");
    const inner = request["request"] as FileRequest;
    const tolerant = known.size > 0 ? { ...inner, whenMissing: "empty" as const } : inner;
    const entries = await listObjects(bucket, tolerant, formats[request["format"] as string]!.extensions);
    return entries.map(({ key, etag }) => ({ name: key, version: etag, hash: etag }));
  },
  read: async (source, files, context) => {
    const bucket = await openBucket(source.connection!, context.resolve, "SOURCE");
    return readEntries(
      bucket,
      files.map(({ name, version }) => ({ key: name, etag: version })),
      source,
      context,
    );
  },
};

async function readObjects(source: Source, context: SourceContext): Promise<Dataset> {
  const bucket = await openBucket(source.connection!, context.resolve, "SOURCE");
  const { extensions } = formats[source.request["format"] as string]!;
  const entries = await listObjects(bucket, source.request["request"] as FileRequest, extensions);
  return readEntries(bucket, entries, source, context);
}

async function readEntries(
  bucket: Bucket,
  entries: readonly Pick<ObjectEntry, "key" | "etag">[],
  { request }: Source,
  context: SourceContext,
): Promise<Dataset> {
  const files: SourceFile[] = [];
  try {
    for (const entry of entries) {
      const path = context.artifacts.temporary(".object");
      files.push({ name: `s3://${bucket.name}/${entry.key}`, path });
      await bucket.download(entry, path, context.signal);
    }
    return await formats[request["format"] as string]!.read(files, request["request"] as JsonObject, context);
  } finally {
    await Promise.all(files.map(({ path }) => rm(path, { force: true })));
  }
}

/** The objects to read, in the order of their keys; none where that means no rows. */
async function listObjects(
  bucket: Bucket,
  request: FileRequest,
  extensions: readonly string[],
): Promise<readonly ObjectEntry[]> {
  const { pattern } = request;
  const glob = pattern.endsWith("/") ? wholeFolder(pattern, extensions) : pattern;
  const isWanted = globPattern(glob);
  const found: ObjectEntry[] = [];
  for await (const entry of bucket.list(fixedPrefix(glob))) {
    if (entry.key === pattern && !pattern.endsWith("/")) return [entry];
    // A key with / at its end stands for a folder.
    if (isWanted.test(entry.key) && !entry.key.endsWith("/")) found.push(entry);
  }
  if (found.length > 0 || request.whenMissing === "empty") return found;
  const isGlob = /[*?[{]/.test(glob);
  throw missing(pattern, isGlob ? `s3://${bucket.name}` : null, `s3://${bucket.name}/${pattern}`);
}

async function readTable({ connection, request }: Source, context: SourceContext): Promise<Dataset> {
  const table = request["table"] as string;
  const place = await bucketPlace(connection!, table, context, "SOURCE");
  const manifest = await place.storage.latest();
  if (manifest === null) throw noTable(connection!.name, table);
  const session = await context.session();
  return place.reading(manifest, (path) =>
    writeQuery(session, context.artifacts, relation(manifest, path), { columns: manifest.columns }),
  );
}
