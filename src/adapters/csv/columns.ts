// Which columns come out of CSV files, and whether every file has them.
import type { CsvColumn, CsvRequest } from "../../connect/csv.ts";
import { probableRename } from "../../dataset/rename-suspicion.ts";
import { SluiceError } from "../../errors.ts";
import type { PreparedFile } from "./prepare.ts";

/** What comes out, after checking that every file has it. */
export function columnsOf(request: CsvRequest, files: readonly PreparedFile[]): readonly CsvColumn[] {
  for (const { file, header } of files) {
    const twice = header.find(
      (name, position) => header.findIndex((other) => other.toLowerCase() === name.toLowerCase()) < position,
    );
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
      const extra = header.find(
        (name) =>
          !columns.some((column) => ("column" in column ? column.column === name : column.expression.includes(name))),
      );
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
  return new SluiceError(
    "SOURCE_COLUMNS",
    `${file} ${what}; it has ${header.map((name) => JSON.stringify(name)).join(", ")}`,
    {
      hint,
      details: { file, header, ...details },
    },
  );
}
