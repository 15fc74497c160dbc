// The dataset as SQL that the checks of expectations read: its columns, and the position of each row.
import type { Dataset } from "../../dataset/dataset.ts";
import type { Row, Session } from "../../dataset/session.ts";
import { quoteLiteral, quotePath } from "../../dataset/sql.ts";
import { readDataset } from "../../dataset/write-dataset.ts";
import { rowNumber } from "./table.ts";

/** A dataset that counts how often it is read. */
export interface Source {
  readonly dataset: Dataset;
  readonly session: Session;
  /** SQL for a FROM clause, with the position of each row. */
  readonly sql: string;
  /** SQL that is true for the rows at these positions. */
  at(records: readonly number[]): string;
  /** SQL that is true for the first so many rows, of which the engine reads no more; null if there is none. */
  first(rows: number): string | null;
  scans(): number;
  /** Says that a query reads it. */
  count(): void;
  /** The rows of a query that reads it. */
  rows(query: string): Promise<Row[]>;
}

export async function sourceOf(session: Session, dataset: Dataset): Promise<Source> {
  let scans = 0;
  const isPlain = dataset.files.length === 1 && !dataset.columns.some(({ name }) => name === "file_row_number");
  return {
    dataset,
    session,
    sql: `(SELECT *, ${await positionSql(session, dataset)} AS ${rowNumber}${isPlain ? ", file_row_number" : ""} FROM ${readDataset(dataset)})`,
    at: (records) =>
      // Of one file, the engine skips the parts where none of them is.
      isPlain
        ? `file_row_number IN (${records.map((record) => record - 1).join(", ")})`
        : `${rowNumber} IN (${records.join(", ")})`,
    first: (rows) => (isPlain ? `file_row_number < ${rows}` : null),
    scans: () => scans,
    count: () => void (scans += 1),
    rows: (query) => {
      scans += 1;
      return session.rows(query);
    },
  };
}

async function positionSql(session: Session, { files }: Dataset): Promise<string> {
  if (files.length === 0) return "1";
  if (files.length === 1) return "file_row_number + 1";
  const list = files.map((path) => quotePath(path)).join(", ");
  const sizes = await session.rows(`SELECT file_name, num_rows FROM parquet_file_metadata([${list}])`);
  const byName = new Map(sizes.map((row) => [String(row["file_name"]), Number(row["num_rows"])]));
  let before = 1;
  const offsets = files.map((path) => {
    const offset = `WHEN ${quoteLiteral(path)} THEN ${before}`;
    before += byName.get(path) ?? 0;
    return offset;
  });
  return `file_row_number + CASE filename ${offsets.join(" ")} END`;
}
