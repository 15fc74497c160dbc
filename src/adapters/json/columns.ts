// From a JSON record to the columns of a row, as text that the engine casts; and what does not fit a column's type, told
// before the engine would round it.
import type { JsonRequest } from "../../connect/json-files.ts";
import { probableRename } from "../../dataset/rename-suspicion.ts";
import { SluiceError } from "../../errors.ts";
import type { Json } from "../../json.ts";
import { isRecord, segments, textOf, valueAt } from "../http/json.ts";

export type TextRow = Readonly<Record<string, string | null>>;

interface Misfit {
  readonly column: string;
  readonly type: string;
  readonly value: Json;
}

type Column = NonNullable<JsonRequest["columns"]>[number];

export interface RowReader {
  /** The row of a record, or the first value that is not of its column's type. */
  row(
    record: unknown,
  ): { readonly row: TextRow; readonly misfit: null } | { readonly row: null; readonly misfit: Misfit };
  /** Throws SOURCE_COLUMNS when there were records and a column that isn't optional was in none of them. */
  finish(pattern: string): void;
}

export function createRowReader(columns: readonly Column[]): RowReader {
  const wanted = columns.map((column) => ({
    ...column,
    path: segments(column.from),
    fits: fitsOf(column.type),
    isJson: column.type.toUpperCase() === "JSON",
    seen: false,
  }));
  const siblings = new Set<string>();
  let count = 0;
  return {
    row: (record) => {
      count += 1;
      const row: Record<string, string | null> = {};
      for (const column of wanted) {
        const value = valueAt(record, column.path);
        if (value !== undefined) column.seen = true;
        else if (!column.seen && siblings.size < 1000) note(record, column.path, siblings);
        // A null that is written stays apart from a key that is missing only where the type can tell them apart.
        const text = column.isJson ? (value === undefined ? null : JSON.stringify(value)) : textOf(value);
        if (text !== null && !column.fits(text)) {
          const shown = text.length > 200 ? `${text.slice(0, 200)}…` : text;
          return { row: null, misfit: { column: column.name, type: column.type, value: shown } };
        }
        row[column.name] = text;
      }
      return { row, misfit: null };
    },
    finish: (pattern) => {
      const missing = count === 0 ? undefined : wanted.find((column) => !column.seen && !column.optional);
      if (missing === undefined) return;
      const present = [...siblings];
      const probable = probableRename(missing.path.at(-1) ?? "", present);
      const has = present
        .slice(0, 12)
        .map((name) => `"${name}"`)
        .join(", ");
      throw new SluiceError(
        "SOURCE_COLUMNS",
        `${pattern}: none of ${count} records has "${missing.path.join(".")}", read as column "${missing.name}"`,
        {
          hint: `${probable === null ? `There is ${has}.` : `Probably it is "${probable}" now.`} If records may lack it, declare it optional.`,
          details: { column: missing.name, path: missing.path, present, probable },
        },
      );
    },
  };
}

function note(record: unknown, path: readonly string[], names: Set<string>): void {
  const parent = valueAt(record, path.slice(0, -1));
  if (isRecord(parent)) for (const name of Object.keys(parent)) names.add(name);
}

const widths: Readonly<Record<string, readonly [bigint, bigint]>> = Object.fromEntries(
  Object.entries({ TINYINT: 8n, SMALLINT: 16n, INTEGER: 32n, INT: 32n, BIGINT: 64n, HUGEINT: 128n }).flatMap(
    ([name, bits]) => [
      [name, [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n]],
      [`U${name}`, [0n, (1n << bits) - 1n]],
    ],
  ),
);

/** Is the text exactly a value of the type? Types that aren't named here are left to the engine, which knows them. */
function fitsOf(type: string): (text: string) => boolean {
  const name = type.toUpperCase();
  const width = widths[name];
  if (width !== undefined) {
    const [least, most] = width;
    return (text) => {
      if (!/^-?\d{1,39}(\.0{1,9})?$/.test(text)) return false;
      const value = BigInt(text.replace(/\..*/, ""));
      return value >= least && value <= most;
    };
  }
  if (/^(DOUBLE|FLOAT|REAL|FLOAT8|FLOAT4)$/.test(name))
    return (text) => isNumber(text) && Number.isFinite(Number(text));
  const decimal = /^(?:DECIMAL|NUMERIC)\((\d+),\s*(\d+)\)$/.exec(name);
  if (decimal !== null) {
    const [whole, scale] = [Number(decimal[1]) - Number(decimal[2]), Number(decimal[2])];
    return (text) => {
      const digits = /^-?0*(\d*)(?:\.(\d*?)0*)?$/.exec(text);
      return isNumber(text) && digits !== null && digits[1]!.length <= whole && (digits[2] ?? "").length <= scale;
    };
  }
  if (name === "BOOLEAN" || name === "BOOL") return (text) => text === "true" || text === "false";
  if (name === "DATE") return (text) => /^\d{4}-\d{2}-\d{2}$/.test(text) && isDate(text);
  if (name.startsWith("TIMESTAMP")) {
    // Nanoseconds would be cut.
    const zone = /TZ$|TIME ZONE$/.test(name) ? /(Z|[+-]\d{2}(:?\d{2})?)$/ : /\d$/;
    return (text) =>
      /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6}0*)?)?(Z|[+-]\d{2}(:?\d{2})?)?$/.test(text) &&
      zone.test(text) &&
      isDate(text.slice(0, 10)) &&
      !/[T ](2[4-9]|[3-9])|:[6-9]/.test(text.slice(0, 19));
  }
  return () => true;
}

function isNumber(text: string): boolean {
  return /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text);
}

function isDate(text: string): boolean {
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}
