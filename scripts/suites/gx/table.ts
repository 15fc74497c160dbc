// Tables of the cases as datasets: columns of the types that the case's backend gives them.
import { join } from "node:path";
import { openArtifactStore } from "../../../src/adapters/file-system/artifact-store.ts";
import type { Column, Dataset } from "../../../src/dataset/dataset.ts";
import type { Session } from "../../../src/dataset/session.ts";
import { writeRows } from "../../../src/dataset/write-dataset.ts";
import type { Backend, GxTable } from "./cases.ts";

export async function tableOf(session: Session, folder: string, table: GxTable, backend: Backend): Promise<Dataset> {
  const artifacts = openArtifactStore({ artifacts: join(folder, "artifacts"), temporary: join(folder, "tmp") });
  const schema = schemaOf(table, backend);
  const entries = Object.entries(table.data);
  const columns = entries.map(([name, values]): Column => ({ name, type: typeOf(schema[name], values) }));
  const length = Math.max(0, ...entries.map(([, values]) => values.length));
  const rows = Array.from({ length }, (_, at) =>
    Object.fromEntries(entries.map(([name, values], column) => [name, cellOf(values[at], columns[column]!.type)])),
  );
  return writeRows(session, artifacts, columns, [rows]);
}

function schemaOf({ schemas = {} }: GxTable, backend: Backend): Readonly<Record<string, string>> {
  const own = schemas[backend] ?? (backend === "pandas" ? undefined : (schemas["postgresql"] ?? schemas["sqlite"]));
  // The types that are given for Spark alone say what is meant all the same.
  return (own ?? schemas["spark"] ?? {}) as Record<string, string>;
}

const types: Readonly<Record<string, string>> = {
  int: "BIGINT",
  int64: "BIGINT",
  int64dtype: "BIGINT",
  integer: "INTEGER",
  bigint: "BIGINT",
  smallint: "SMALLINT",
  float: "DOUBLE",
  float64: "DOUBLE",
  double_precision: "DOUBLE",
  numeric: "DOUBLE",
  str: "VARCHAR",
  text: "VARCHAR",
  char: "VARCHAR",
  varchar: "VARCHAR",
  stringtype: "VARCHAR",
  integertype: "INTEGER",
  floattype: "DOUBLE",
  timestamptype: "TIMESTAMP",
  bool: "BOOLEAN",
  boolean: "BOOLEAN",
  date: "DATE",
  datetime: "TIMESTAMP",
  datetime64: "TIMESTAMP",
  "datetime64[ns]": "TIMESTAMP",
  // In pandas, the type of points in time; in the databases, of what a clock shows.
  timestamp: "TIMESTAMP",
};

function typeOf(declared: string | undefined, values: readonly unknown[]): string {
  const found = values.filter((value) => value !== null && value !== undefined);
  if (declared === "timestamp") return "TIMESTAMP WITH TIME ZONE";
  const known = declared === undefined ? undefined : types[declared.toLowerCase()];
  // Numbers with missing values are floating-point in pandas.
  if (known !== undefined)
    return known === "BIGINT" && found.some((value) => !Number.isInteger(Number(value))) ? "DOUBLE" : known;
  // Of a column without rows nothing is known; pandas makes numbers of it.
  if (found.length === 0) return values.length === 0 ? "DOUBLE" : "VARCHAR";
  if (found.every((value) => typeof value === "boolean")) return "BOOLEAN";
  if (found.every((value) => Number.isSafeInteger(value))) return "BIGINT";
  return found.every((value) => typeof value === "number") ? "DOUBLE" : "VARCHAR";
}

function cellOf(value: unknown, type: string): unknown {
  if (value === null || value === undefined) return null;
  if (type.startsWith("TIMESTAMP") || type === "DATE") {
    const text = String(value);
    const hasZone = /(?:Z|[+-]\d{2}:?\d{2})$/.test(text);
    return new Date(hasZone ? text : `${text.replace("T", " ")} UTC`)
      .toISOString()
      .replace(/Z$/, type.endsWith("ZONE") ? "Z" : "");
  }
  return typeof value === "object" ? JSON.stringify(value) : value;
}
