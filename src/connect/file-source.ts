// What the sources that read files have in common: a pattern, columns by name or expression, an encoding. Plain data; the
// files are opened by the adapters.
import type { Connection } from "../config.ts";
import { inlineSql, isSql, type Sql } from "../dataset/sql.ts";
import { SluiceError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import type { Source } from "./source.ts";

/** A column that is taken: a column of the file, or an expression over the file's columns. */
export type FileColumn =
  | { readonly name: string; readonly column: string }
  | { readonly name: string; readonly expression: string };

export function fileSource(vendor: string, connection: Connection | null, request: JsonObject): Source {
  return Object.freeze({ kind: "sluice.source", vendor, connection, request });
}

/** Checks what every format is given; returns what a missing file means. */
export function checkFiles(
  format: string,
  pattern: string,
  options: { readonly whenMissing?: "fail" | "empty"; readonly columns?: unknown },
): "fail" | "empty" {
  if (pattern === "") {
    throw new SluiceError("DEFINITION_INVALID", `${format}(…) is given an empty path`, {
      hint: "Name a file, or a glob.",
    });
  }
  if (options.whenMissing === "empty" && options.columns === undefined) {
    throw new SluiceError("DEFINITION_INVALID", `${format}("${pattern}") has whenMissing: "empty" but no columns`, {
      hint: "List the columns: without a file nothing else tells what they are.",
    });
  }
  return options.whenMissing ?? "fail";
}

/** In the order in which they come out; null for all. */
export function fileColumns(
  format: string,
  pattern: string,
  columns: Readonly<Record<string, string | Sql>> | undefined,
): FileColumn[] | null {
  if (columns === undefined) return null;
  const entries = Object.entries(columns);
  checkNotEmpty(format, pattern, entries);
  return entries.map(([name, from]) => (isSql(from) ? { name, expression: inlineSql(from) } : { name, column: from }));
}

export function checkNotEmpty(format: string, pattern: string, columns: readonly unknown[]): void {
  if (columns.length > 0) return;
  throw new SluiceError("DEFINITION_INVALID", `${format}("${pattern}") has an empty list of columns`, {
    hint: "Name one, or leave `columns` out.",
  });
}

/** The name of an encoding as the standard has it; null for UTF-8. */
export function fileEncoding(format: string, pattern: string, encoding: string | undefined): string | null {
  if (encoding === undefined) return null;
  try {
    const label = new TextDecoder(encoding).encoding;
    return label === "utf-8" ? null : label;
  } catch {
    throw new SluiceError(
      "DEFINITION_INVALID",
      `${format}("${pattern}") has the encoding "${encoding}", which is not known`,
      {
        hint: 'Use a name of the WHATWG encoding standard, such as "windows-1252", "latin1" or "shift_jis".',
      },
    );
  }
}
