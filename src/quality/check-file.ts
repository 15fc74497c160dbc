// Judges a file by a contract where it lies: Parquet and CSV in one columnar pass that hands over only the rows that fail,
// JSONL line by line in JS, which is the faster exact way there, because a line's types are its own.
import { availableParallelism, tmpdir } from "node:os";
import { resolve } from "node:path";
import type { Column } from "../dataset/dataset.ts";
import { openSession, type Session } from "../dataset/session.ts";
import { quoteIdentifier, quotePath } from "../dataset/sql.ts";
import { SluiceError } from "../errors.ts";
import { matchColumns } from "./columns.ts";
import { compileContract } from "./compile.ts";
import type { Contract } from "./contract.ts";
import { judgeLines, type TakeInvalid } from "./json-lines.ts";
import type { QuarantinedRow, ReasonCount } from "./quarantine-store.ts";
import { createReasonCounter } from "./reason-counts.ts";
import { cellsOf, cellTexts, chunks, rowReader } from "./row-reader.ts";
import { judgedSql, rowWords } from "./verdict-sql.ts";

/** How a file is judged, and how much of what was found is kept. */
export interface CheckFileOptions {
  /** At most so many failing rows are kept in the report; all are counted. @default 20 */
  readonly examples?: number;
  /** @default one per core */
  readonly threads?: number;
}

/** What a contract says of a file. */
export interface FileReport {
  readonly file: string;
  readonly contract: string;
  readonly rows: number;
  readonly valid: number;
  readonly invalid: number;
  /** How often each rule was broken, the most frequent first. */
  readonly reasons: readonly ReasonCount[];
  /** The first failing rows, with their position (from 1) and what is wrong. */
  readonly examples: readonly QuarantinedRow[];
}

/**
 * Judges every row of a .parquet, .csv or .jsonl file, and writes nothing. Columns that don't fit are a CONTRACT_MISMATCH.
 * CSV has a header, and an empty field is a null. The key of the contract is not looked at.
 *
 * ```ts
 * const { rows, invalid, reasons } = await checkFile(invoiceLine, "data/2026-01-05.parquet");
 * ```
 */
export async function checkFile(
  contract: Contract,
  file: string,
  { examples = 20, threads = availableParallelism() }: CheckFileOptions = {},
): Promise<FileReport> {
  const counter = createReasonCounter();
  const first: QuarantinedRow[] = [];
  let invalid = 0;
  const take: TakeInvalid = (record, reasons, row) => {
    invalid += 1;
    counter.add(reasons);
    if (first.length < examples) first.push({ record, row: row(), reasons });
  };
  const path = resolve(file);
  let rows: number;
  if (/\.(?:jsonl|ndjson)$/.test(path)) rows = await judgeLines(contract, path, take);
  else {
    const session = await openSession({ temporaryFolder: tmpdir(), threads });
    try {
      rows = await judgeColumns(session, contract, path, take);
    } finally {
      session.close();
    }
  }
  return {
    file,
    contract: contract.name,
    rows,
    valid: rows - invalid,
    invalid,
    reasons: counter.counts(),
    examples: first,
  };
}

async function judgeColumns(session: Session, contract: Contract, path: string, take: TakeInvalid): Promise<number> {
  const isParquet = path.endsWith(".parquet");
  if (!isParquet && !/\.csv(?:\.gz|\.zst)?$/.test(path)) {
    throw new SluiceError("USAGE", `${path} is neither Parquet, CSV nor JSONL`, {
      hint: "Its name must end in .parquet, .csv or .jsonl.",
    });
  }
  const relation = isParquet
    ? `read_parquet(${quotePath(path)})`
    : `read_csv(${quotePath(path)}, all_varchar = true, header = true)`;
  const columns: readonly Column[] = await session.describe(`SELECT * FROM ${relation}`);
  matchColumns(contract, columns, path);
  const compiled = compileContract(contract, columns, (position) => `c${position}`);
  const cells = columns.map((column, position) => `${quoteIdentifier(column.name)} AS c${position}`).join(", ");
  const words = rowWords(compiled);
  // The last row comes along in any case: its number is that of the rows.
  const place = isParquet
    ? "file_row_number AS rid"
    : "row_number() OVER () - 1 AS rid, lead(false, 1, true) OVER () AS last";
  const judged = judgedSql(compiled, `SELECT ${place}, ${cells} FROM ${relation}`);
  const failing = words.map((word) => `${word} <> 0`).join(" OR ");
  const wanted = isParquet ? failing : `last OR ${failing}`;
  const query = `SELECT ${["rid", ...words, ...cellTexts({ columns })].join(", ")} FROM (${judged}) WHERE ${wanted}`;
  const read = rowReader(contract, { columns });
  let last = -1;
  for await (const batch of chunks(session, query)) {
    for (const [rid, ...rest] of batch) {
      last = Math.max(last, Number(rid));
      const isBroken = rest.slice(0, compiled.masks.length).some((word) => word !== 0n);
      const isOpen = rest.slice(compiled.masks.length, words.length).some((word) => word !== 0n);
      if (!isBroken && !isOpen) continue;
      const { row, raw } = read(cellsOf(rest.slice(words.length)));
      if (!isBroken && contract.accepts(row)) continue;
      const { issues } = contract.judge(row);
      if (issues.length === 0) throw disagreement(contract, Number(rid) + 1);
      take(Number(rid) + 1, issues, raw);
    }
  }
  if (!isParquet) return last + 1;
  const [counted] = await session.rows(`SELECT count(*) AS n FROM ${relation}`);
  return Number(counted?.["n"]);
}

function disagreement(contract: Contract, record: number): SluiceError {
  return new SluiceError("INTERNAL", `Contract "${contract.name}": SQL and JS disagree about row ${record}`, {
    hint: "Please report it, with the contract and this row.",
    details: { contract: contract.name, record },
  });
}
