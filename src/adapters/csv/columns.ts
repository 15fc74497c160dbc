// Which columns come out of CSV files, and whether every file has them.
import type { CsvColumn, CsvRequest } from "../../connect/csv.ts";
import { probableRename } from "../../dataset/rename-suspicion.ts";
import { SluiceError } from "../../errors.ts";
import type { PreparedFile } from "./prepare.ts";

/** More columns than these the engine doesn't take at once: the time it needs grows with their square. */
const mostColumns = 4096;

/** Where in the header the columns stand that are taken; null for all. */
export function neededColumns(request: CsvRequest, file: string, header: readonly string[]): readonly number[] | null {
  if (header.length <= mostColumns / 4) return null;
  const { columns } = request;
  const needed =
    columns === null
      ? header.map((_, position) => position)
      : header.flatMap((name, position) => (columns.some((column) => reads(column, name)) ? [position] : []));
  if (needed.length <= mostColumns) return needed;
  throw new SluiceError(
    "SOURCE_COLUMNS",
    `${file} has ${header.length} columns, and ${needed.length} of them are taken: ${mostColumns} are the most`,
    {
      hint: "Name those to take in `columns`.",
      details: { file, columns: header.length },
    },
  );
}

function reads(column: CsvColumn, name: string): boolean {
  return "column" in column ? column.column === name : column.expression.includes(name);
}

/** What comes out, after checking that every file has it. */
export function columnsOf(request: CsvRequest, files: readonly PreparedFile[]): readonly CsvColumn[] {
  for (const { file, header } of files) {
    const seen = new Set<string>();
    const twice = header.find((name) => seen.size === seen.add(name.toLowerCase()).size);
    if (twice !== undefined)
      throw columnError(
        file,
        `has the column "${twice}" twice`,
        header,
        "Rename one of them; upper and lower case count as the same.",
      );
    for (const column of request.columns ?? []) if ("column" in column) checkPresent(file, header, column.column);
    if (request.columns !== null && request.extraColumns === "fail") {
      const { columns } = request;
      const extra = header.find((name) => !columns.some((column) => reads(column, name)));
      if (extra !== undefined) {
        throw columnError(
          file,
          `has the column "${extra}", which the pipeline does not name`,
          header,
          'Name it in `columns`, or set extraColumns: "ignore".',
        );
      }
    }
  }
  if (request.columns !== null) return request.columns;
  const [first, ...others] = files as [PreparedFile, ...PreparedFile[]];
  for (const other of others) {
    for (const name of first.header) checkPresent(other.file, other.header, name);
    const extra = other.header.find((name) => !first.header.includes(name));
    if (extra !== undefined)
      throw columnError(
        other.file,
        `has the column "${extra}", which ${first.file} lacks`,
        other.header,
        "List the `columns` to take.",
      );
  }
  return first.header.map((name) => ({ name, column: name }));
}

/** Throws SOURCE_COLUMNS where the header lacks a column, with the name it probably has now. */
export function checkPresent(file: string, header: readonly string[], wanted: string): void {
  if (header.includes(wanted)) return;
  const rename = probableRename(wanted, header);
  const guess = rename === null ? "" : ` (probably renamed to "${rename}")`;
  throw columnError(
    file,
    `has no column "${wanted}"${guess}`,
    header,
    "Change the name in `columns`, or have the file corrected.",
    { missing: wanted, probableRename: rename },
  );
}

function columnError(
  file: string,
  what: string,
  header: readonly string[],
  hint: string,
  details: Readonly<Record<string, unknown>> = {},
): SluiceError {
  return new SluiceError("SOURCE_COLUMNS", `${file} ${what}; it has ${listed(header)}`, {
    hint,
    details: { file, header, ...details },
  });
}

function listed(header: readonly string[]): string {
  const shown = header.slice(0, 50).map((name) => JSON.stringify(name));
  return header.length > 50 ? `${shown.join(", ")} and ${header.length - 50} more` : shown.join(", ");
}
