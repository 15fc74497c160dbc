// SQL for the rows of a table of files, as of one manifest.
import type { Column } from "../../dataset/dataset.ts";
import { quoteIdentifier, quoteLiteral, quotePath } from "../../dataset/sql.ts";
import type { Manifest, TableFile } from "./manifest.ts";

/** A query for the rows of a manifest, whose files lie at `path`. */
export function relation(manifest: Manifest, path: (name: string) => string): string {
  const { columns, files } = manifest;
  if (files.length === 0) {
    const empty = columns.map(({ name, type }) => `CAST(NULL AS ${type}) AS ${quoteIdentifier(name)}`);
    return `SELECT ${empty.join(", ")} WHERE false`;
  }
  // Files with the same columns are one scan, in the order in which each kind first came.
  const groups = Map.groupBy(files, (file) => file.columns);
  return [...groups].map(([count, group]) => scan(columns, count, group, path)).join("\nUNION ALL\n");
}

function scan(
  columns: readonly Column[],
  count: number,
  files: readonly TableFile[],
  path: (name: string) => string,
): string {
  const present = columns.slice(0, count);
  const paths = `[${files.map(({ name }) => quotePath(path(name))).join(", ")}]`;
  const format = files[0]!.name.slice(files[0]!.name.lastIndexOf(".") + 1);
  const selected = columns.map(({ name, type }, position) => {
    if (position >= count) return `CAST(NULL AS ${type}) AS ${quoteIdentifier(name)}`;
    // What a JSON number is, its digits say; the reader of JSON would make a double of it.
    return format === "jsonl" ? `${textOf(name, type)} AS ${quoteIdentifier(name)}` : quoteIdentifier(name);
  });
  return `SELECT ${selected.join(", ")} FROM ${reader(format, paths, present)}`;
}

function reader(format: string, paths: string, columns: readonly Column[]): string {
  if (format === "parquet") return `read_parquet(${paths}, hive_partitioning = false)`;
  if (format === "csv") {
    const typed = columns.map(({ name, type }) => `${quoteLiteral(name)}: ${quoteLiteral(type)}`).join(", ");
    return `read_csv(${paths}, columns = {${typed}}, auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', allow_quoted_nulls = false, hive_partitioning = false)`;
  }
  return `read_ndjson_objects(${paths}, hive_partitioning = false)`;
}

function textOf(name: string, type: string): string {
  const value = `json_extract_string(json, ${quoteLiteral(`$."${name.replaceAll('"', '\\"')}"`)})`;
  return type === "VARCHAR" ? value : `CAST(${value} AS ${type})`;
}
