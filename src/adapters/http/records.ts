// From a page's JSON to rows: finds the records, picks the columns, and says clearly what isn't there.
import type { HttpRequest } from "../../connect/http.ts";
import { probableRename } from "../../dataset/rename-suspicion.ts";
import { SluiceError } from "../../errors.ts";
import { isRecord, kindOf, segments, textOf, valueAt } from "./json.ts";

export type TextRow = Readonly<Record<string, string | null>>;

/** The array of records in a page; `shown` is what the page is called in errors: "GET https://…". */
export function recordsOf(document: unknown, path: HttpRequest["records"], shown: string): readonly unknown[] {
  const keys = segments(path);
  const found = valueAt(document, keys);
  if (Array.isArray(found)) return found;
  const where = keys.length === 0 ? "the answer" : `"${keys.join(".")}"`;
  const present = isRecord(document) ? Object.keys(document) : [];
  const what = found === undefined ? `no ${where}` : `${kindOf(found)} as ${where}`;
  const has = present.length === 0 ? `it is ${kindOf(document)}` : `its keys are ${listed(present)}`;
  throw new SluiceError("SOURCE_MALFORMED", `${shown} has ${what} where the array of records should be; ${has}`, {
    hint: 'Name the path to the array of records, such as records: "items".',
    details: { records: keys, keys: present },
  });
}

export interface RecordReader {
  rows(records: readonly unknown[], shown: string): TextRow[];
  /** Throws when there were records and a column that isn't optional was in none of them. */
  finish(): void;
}

export function createRecordReader(columns: HttpRequest["columns"], shownStart: string): RecordReader {
  const wanted = columns.map((column) => ({
    ...column,
    path: segments(column.from),
    misfits: misfitsOf(column.type),
    seen: false,
  }));
  // Names that would do in place of a missing column's, by the path of the object they are in.
  const siblings = new Map<string, Set<string>>();
  let count = 0;

  const note = (record: unknown, path: readonly string[]): void => {
    const parent = valueAt(record, path.slice(0, -1));
    const key = path.slice(0, -1).join(".");
    let names = siblings.get(key);
    if (names === undefined) siblings.set(key, (names = new Set()));
    if (isRecord(parent) && names.size < 1000) for (const name of Object.keys(parent)) names.add(name);
  };

  return {
    rows: (records, shown) =>
      records.map((record, index) => {
        count += 1;
        if (!isRecord(record)) {
          throw new SluiceError(
            "SOURCE_MALFORMED",
            `${shown}: record ${index + 1} is ${kindOf(record)}, not an object`,
            {
              hint: "Name the path to an array of objects under `records`.",
            },
          );
        }
        const row: Record<string, string | null> = {};
        for (const column of wanted) {
          const value = valueAt(record, column.path);
          if (value !== undefined) column.seen = true;
          else if (!column.seen) note(record, column.path);
          const text = textOf(value);
          if (text !== null && column.misfits(text)) {
            const given = JSON.stringify(text.slice(0, 80));
            throw new SluiceError(
              "SOURCE_MALFORMED",
              `${shown}: record ${index + 1} has ${given} as "${column.name}", which is no ${column.type}`,
              {
                hint: `Declare "${column.name}" without a type to get it as text, and let a contract judge it.`,
                details: { column: column.name, record: index + 1 },
              },
            );
          }
          row[column.name] = text;
        }
        return row;
      }),
    finish: () => {
      const missing = count === 0 ? undefined : wanted.find((column) => !column.seen && !column.optional);
      if (missing === undefined) return;
      const present = [...(siblings.get(missing.path.slice(0, -1).join(".")) ?? [])];
      const probable = probableRename(missing.path.at(-1) ?? "", present);
      throw new SluiceError(
        "SOURCE_COLUMNS",
        `${shownStart}: none of ${count} records has "${missing.path.join(".")}", read as column "${missing.name}"`,
        {
          hint: `${probable === null ? `There is ${listed(present)}.` : `Probably it is "${probable}" now.`} If records may lack it, declare it optional.`,
          details: { column: missing.name, path: missing.path, present, probable },
        },
      );
    },
  };
}

/** Texts that the engine would refuse or, for integers, round. Other types are left to the engine. */
function misfitsOf(type: string): (text: string) => boolean {
  const isNumber = (text: string): boolean =>
    text.trim() !== "" && !Number.isNaN(Number(text)) && !/^\s*[+-]?0[xbo]/i.test(text);
  if (/^U?(TINYINT|SMALLINT|INTEGER|INT|BIGINT|HUGEINT)$/i.test(type)) {
    return (text) => !/^[+-]?\d+$/.test(text) && !(isNumber(text) && Number.isInteger(Number(text)));
  }
  if (/^(DOUBLE|FLOAT|REAL|DECIMAL|NUMERIC)\b/i.test(type)) return (text) => !isNumber(text);
  return () => false;
}

function listed(names: readonly string[]): string {
  const shown = names
    .slice(0, 12)
    .map((name) => `"${name}"`)
    .join(", ");
  return names.length > 12 ? `${shown} and ${names.length - 12} more` : shown;
}
