// sql`…`: a query as text with holes. What fills a hole is a value (bound, never pasted), an identifier, or
// another sql`…`.
import { SluiceError } from "../errors.ts";
import { canonicalJson, type Json } from "../json.ts";

/** What may be bound as a value. A `Date` is an instant, a `bigint` keeps every digit. */
export type SqlValue = string | number | bigint | boolean | null | Date;

/** SQL text with its values beside it: a value is bound, never written into the text. */
export interface Sql {
  readonly kind: "sluice.sql";
  /** One more than there are values. */
  readonly strings: readonly string[];
  readonly values: readonly (SqlValue | Identifier)[];
}

/** A name of a table or column, quoted where it stands in SQL. */
export interface Identifier {
  readonly kind: "sluice.identifier";
  readonly path: readonly string[];
}

/**
 * A query or an expression.
 *
 * ```ts
 * sql`select * from users where created_at >= ${partition.start}`
 * ```
 */
export function sql(strings: TemplateStringsArray, ...holes: readonly (SqlValue | Identifier | Sql)[]): Sql {
  const texts: string[] = [strings.raw[0] ?? ""];
  const values: (SqlValue | Identifier)[] = [];
  holes.forEach((hole, position) => {
    const next = strings.raw[position + 1] ?? "";
    if (isSql(hole)) {
      texts[texts.length - 1] += hole.strings[0] ?? "";
      hole.values.forEach((value, inner) => {
        values.push(value);
        texts.push(hole.strings[inner + 1] ?? "");
      });
      texts[texts.length - 1] += next;
    } else {
      checkHole(hole, position);
      values.push(hole);
      texts.push(next);
    }
  });
  return Object.freeze({ kind: "sluice.sql", strings: texts, values });
}

function checkHole(hole: SqlValue | Identifier, position: number): void {
  if (hole === null || ["string", "number", "bigint", "boolean"].includes(typeof hole) || isIdentifier(hole)) return;
  if (hole instanceof Date && !Number.isNaN(hole.getTime())) return;
  const what = hole instanceof Date ? "an invalid date" : Array.isArray(hole) ? "an array" : typeof hole;
  throw new SluiceError("DEFINITION_INVALID", `Hole ${position + 1} of a query is ${what}`, {
    hint: "Fill it with text, a number, a bigint, true or false, null, a Date, identifier(…) or another sql`…`.",
  });
}

/** A name from the program, quoted as an identifier: `identifier("staging", "sales")`. */
export function identifier(...path: readonly string[]): Identifier {
  return Object.freeze({ kind: "sluice.identifier", path });
}

export function isSql(value: unknown): value is Sql {
  return typeof value === "object" && value !== null && (value as { kind?: unknown }).kind === "sluice.sql";
}

/** The query's text with placeholders made by `placeholder` (1-based) and names by `quote`, and the values in their order. */
export function renderSql(
  query: Sql,
  placeholder: (position: number) => string,
  quote: (...path: readonly string[]) => string = quoteIdentifier,
): { text: string; values: SqlValue[] } {
  const values: SqlValue[] = [];
  let text = query.strings[0] ?? "";
  query.values.forEach((value, position) => {
    if (isIdentifier(value)) text += quote(...value.path);
    else text += placeholder(values.push(value));
    text += query.strings[position + 1] ?? "";
  });
  return { text, values };
}

/** The query's text with values written as literals: for places where the engine can't bind, such as a view. */
export function inlineSql(query: Sql): string {
  let text = query.strings[0] ?? "";
  query.values.forEach((value, position) => {
    text += isIdentifier(value) ? quoteIdentifier(...value.path) : quoteLiteral(value);
    text += query.strings[position + 1] ?? "";
  });
  return text;
}

/** The query as JSON, for a plan. */
export function describeSql(query: Sql): Json {
  return { sql: query.strings, values: JSON.parse(canonicalJson(query.values)) as Json };
}

/** `"a"."b"`: names as identifiers, whatever they contain. */
export function quoteIdentifier(...path: readonly string[]): string {
  return path.map((part) => `"${part.replaceAll('"', '""')}"`).join(".");
}

/** A value as an SQL literal. */
export function quoteLiteral(value: SqlValue): string {
  if (value === null) return "NULL";
  if (value instanceof Date) return `TIMESTAMPTZ '${value.toISOString()}'`;
  if (typeof value === "string") {
    const quoted = `'${value.replaceAll("'", "''")}'`;
    // A statement's text ends at its first NUL, whatever the quotes say.
    return value.includes("\0") ? `(${quoted.replaceAll("\0", "' || chr(0) || '")})` : quoted;
  }
  const digits = typeof value === "number" ? numberLiteral(value) : String(value);
  // After a minus, another one would begin a comment.
  return digits.startsWith("-") ? `(${digits})` : digits;
}

/** A number as the double it is; plain digits with a point would be a decimal. */
function numberLiteral(value: number): string {
  if (!Number.isFinite(value)) return `CAST('${value}' AS DOUBLE PRECISION)`;
  const digits = String(value);
  return Number.isSafeInteger(value) || digits.includes("e") ? digits : `${digits}e0`;
}

/** The path of one file to read, as a literal: the engine takes `*`, `?` and `[` in it for a pattern otherwise. */
export function quotePath(path: string): string {
  return quoteLiteral(path.replace(/[*?[]/g, "[$&]"));
}

function isIdentifier(value: unknown): value is Identifier {
  return typeof value === "object" && value !== null && (value as { kind?: unknown }).kind === "sluice.identifier";
}
