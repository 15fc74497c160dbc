// Judges a dataset by a contract: one columnar pass over all rows, the JS validator over those that failed it (for their
// reasons) and those it could not decide. Where the two disagree about a row it stops: there is no third opinion.
import { randomUUID } from "node:crypto";
import type { ArtifactStore } from "../dataset/artifact-store.ts";
import type { Dataset } from "../dataset/dataset.ts";
import type { Session } from "../dataset/session.ts";
import { quoteIdentifier, quoteLiteral } from "../dataset/sql.ts";
import { writeQuery } from "../dataset/write-dataset.ts";
import { SluiceError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import { cellClass, type CellClass, cellText, decodeInto, rawCell } from "./cell.ts";
import { bitsPerWord, type CompiledContract, compileContract } from "./compile.ts";
import type { Contract } from "./contract.ts";
import type { QuarantinedRow } from "./quarantine-store.ts";

export interface VerdictRequest {
  readonly session: Session;
  readonly artifacts: ArtifactStore;
  readonly contract: Contract;
  readonly dataset: Dataset;
  /** drop: of rows that are equal in every column the first is kept. */
  readonly duplicates: "drop" | "keep";
  /** Takes the failing rows, to their end, and returns how many it kept. */
  readonly setAside: (rows: AsyncIterable<readonly QuarantinedRow[]>) => Promise<number>;
}

export interface VerdictOutcome {
  /** The valid rows, in the order they came in, with the contract's columns and types. */
  readonly valid: Dataset;
  readonly duplicate: number;
  readonly quarantined: number;
}

export async function runVerdictPass(request: VerdictRequest): Promise<VerdictOutcome> {
  const { session, artifacts, contract, dataset } = request;
  const compiled = compiledFor(contract, dataset);
  const table = `verdict_${randomUUID().replaceAll("-", "")}`;
  session.expect(dataset.rows);
  try {
    await session.run(
      `CREATE TEMP TABLE ${table} AS ${verdictSql(compiled, await deliverySql(request), dataset.columns.length)}`,
    );
    const counts = await countRows(session, table);
    const pardoned: number[] = [];
    let failed = 0;
    const settle = (rid: number, isValid: boolean): void => {
      if (isValid) pardoned.push(rid);
      else failed += 1;
    };
    const suspects = counts.suspect === 0 ? noRows() : judgeSuspects(request, compiled, table, settle);
    const quarantined = await request.setAside(suspects);
    if (pardoned.length > 0) await pardon(session, table, pardoned);
    const values = compiled.columns.map(
      (column, position) => `${compiled.values[position]} AS ${quoteIdentifier(column.name)}`,
    );
    const query = `SELECT ${values.join(", ")} FROM ${table} WHERE NOT suspect ORDER BY rid`;
    const valid = await writeQuery(session, artifacts, query, { columns: compiled.columns, maxRows: dataset.rows });
    const outcome = { valid, duplicate: counts.read - counts.distinct, quarantined };
    checkAccounts(dataset, counts.read, failed, outcome);
    return outcome;
  } finally {
    await session.run(`DROP TABLE IF EXISTS ${table}`);
  }
}

/** One contract meets the same columns day after day. */
const compiledContracts = new WeakMap<Contract, Map<string, CompiledContract>>();

function compiledFor(contract: Contract, { columns }: Dataset): CompiledContract {
  const known = compiledContracts.get(contract) ?? new Map<string, CompiledContract>();
  compiledContracts.set(contract, known);
  const key = JSON.stringify(columns);
  const compiled = known.get(key) ?? compileContract(contract, columns, (position) => `c${position}`);
  known.set(key, compiled);
  return compiled;
}

/** Every row as rid (its number, from 0, over all files), n (how often it occurs; 1 unless repeats are dropped) and cells. */
async function deliverySql({ session, dataset, duplicates }: VerdictRequest): Promise<string> {
  const cells = dataset.columns.map((column, position) => `${quoteIdentifier(column.name)} AS c${position}`).join(", ");
  const files = `[${dataset.files.map((path) => quoteLiteral(path)).join(", ")}]`;
  let record = "file_row_number";
  if (dataset.files.length > 1) {
    const sizes = await session.rows(`SELECT num_rows FROM parquet_file_metadata(${files})`);
    let before = 0;
    const offsets = sizes.map(({ num_rows: rows }, file) => {
      const offset = `WHEN ${file} THEN ${before}`;
      before += Number(rows);
      return offset;
    });
    record = `file_row_number + CASE file_index ${offsets.join(" ")} END`;
  }
  if (duplicates === "keep") return `SELECT ${record} AS rid, 1 AS n, ${cells} FROM read_parquet(${files})`;
  return `SELECT min(${record}) AS rid, count(*) AS n, ${cells} FROM read_parquet(${files}) GROUP BY ALL`;
}

/** Adds the decoded values, the mask words, `undecided`, and `suspect`: JS must look at this row. */
function verdictSql(compiled: CompiledContract, delivery: string, cellCount: number): string {
  const decoded = `SELECT ${["*", ...compiled.decoded].join(", ")} FROM (${delivery})`;
  const flagged = `SELECT ${["*", ...compiled.flags].join(", ")} FROM (${decoded})`;
  const masks = compiled.masks.map((mask, word) => `${mask} AS m${word}`);
  const judged = `SELECT ${["*", ...masks].join(", ")}, ${compiled.undecided ?? "false"} AS undecided FROM (${flagged})`;
  const suspect = [...masks.map((_, word) => `m${word} <> 0`), ...(compiled.undecided === null ? [] : ["undecided"])];
  // Only what is read again: every further column of the table costs as much as a check.
  const cells = Array.from({ length: cellCount }, (_, position) => `c${position}`);
  const kept = new Set(["rid", "n", ...cells, ...compiled.values, ...masks.map((_, word) => `m${word}`), "undecided"]);
  return `SELECT ${[...kept].join(", ")}, ${suspect.join(" OR ")} AS suspect FROM (${judged})`;
}

interface Counts {
  readonly read: number;
  readonly distinct: number;
  readonly suspect: number;
}

async function countRows(session: Session, table: string): Promise<Counts> {
  const [row] = await session.rows(
    `SELECT CAST(coalesce(sum(n), 0) AS BIGINT) AS r, count(*) AS d, count(*) FILTER (WHERE suspect) AS s FROM ${table}`,
  );
  return { read: Number(row?.["r"]), distinct: Number(row?.["d"]), suspect: Number(row?.["s"]) };
}

async function* noRows(): AsyncGenerator<readonly QuarantinedRow[]> {}

/** The failing rows with their reasons; `settle` is told about each row that JS had to look at. */
async function* judgeSuspects(
  { session, contract, dataset }: VerdictRequest,
  compiled: CompiledContract,
  table: string,
  settle: (rid: number, isValid: boolean) => void,
): AsyncGenerator<readonly QuarantinedRow[]> {
  const read = rowReader(contract, dataset);
  const words = compiled.masks.map((_, word) => `m${word}`);
  // The binding's decoder swallows a byte order mark at the start of a text: no text starts with its own first character.
  const texts = dataset.columns.map((column, position) => `'.' || ${cellText(`c${position}`, column.type)}`);
  const query = `SELECT rid, undecided, ${[...words, ...texts].join(", ")} FROM ${table} WHERE suspect ORDER BY rid`;
  // Not a stream: that ends in silence when anything else is run on the connection. This result spills if it must.
  const result = await session.connection.run(query);
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    const batch: QuarantinedRow[] = [];
    for (const [rid, undecided, ...rest] of chunk.getRows()) {
      const masks = rest.slice(0, words.length) as bigint[];
      const cells = (rest.slice(words.length) as (string | null)[]).map((text) => text?.slice(1) ?? null);
      const { row, raw } = read(cells);
      const judgement = contract.judge(row);
      const record = Number(rid) + 1;
      compareVerdicts(contract, record, undecided === true, brokenBits(compiled.bits, masks), judgement.broken);
      settle(Number(rid), judgement.issues.length === 0);
      if (judgement.issues.length > 0) batch.push({ record, row: raw, reasons: judgement.issues });
    }
    if (batch.length > 0) yield batch;
  }
}

/** Lets rows pass that only the validator could judge, and found valid. */
async function pardon(session: Session, judged: string, rids: readonly number[]): Promise<void> {
  const table = `pardoned_${randomUUID().replaceAll("-", "")}`;
  await session.run(`CREATE TEMP TABLE ${table} (rid BIGINT)`);
  try {
    const appender = await session.connection.createAppender(table);
    for (const rid of rids) {
      appender.appendBigInt(BigInt(rid));
      appender.endRow();
    }
    appender.closeSync();
    await session.run(`UPDATE ${judged} SET suspect = false WHERE rid IN (SELECT rid FROM ${table})`);
  } finally {
    await session.run(`DROP TABLE ${table}`);
  }
}

type RowReader = (cells: readonly (string | null)[]) => {
  readonly row: Record<string, unknown>;
  readonly raw: JsonObject;
};

function rowReader(contract: Contract, dataset: Dataset): RowReader {
  const classes = dataset.columns.map((column): CellClass => cellClass(column.type));
  const positions = new Map(dataset.columns.map((column, position) => [column.name, position]));
  return (cells) => {
    const row: Record<string, unknown> = {};
    for (const field of contract.schema.fields) {
      const position = positions.get(field.name);
      if (position === undefined) decodeInto(row, field, null, "text");
      else decodeInto(row, field, cells[position] ?? null, classes[position]!);
    }
    const raw = Object.fromEntries(
      dataset.columns.map((column, position) => [column.name, rawCell(cells[position] ?? null, classes[position]!)]),
    );
    return { row, raw };
  };
}

function brokenBits(bits: readonly string[], masks: readonly bigint[]): string[] {
  return bits.filter(
    (_, position) => ((masks[Math.floor(position / bitsPerWord)] ?? 0n) >> BigInt(position % bitsPerWord)) & 1n,
  );
}

/** The columnar pass and the validator must name the same broken columns and rules, wherever the pass could decide. */
function compareVerdicts(
  contract: Contract,
  record: number,
  isUndecided: boolean,
  columnar: readonly string[],
  validator: ReadonlySet<string>,
): void {
  // Of a row that SQL can't judge in whole, it may have missed something, but what it did find is broken for sure.
  const agree = isUndecided
    ? columnar.length === 0 || validator.size > 0
    : columnar.length === validator.size && columnar.every((name) => validator.has(name));
  if (agree) return;
  throw new SluiceError("INTERNAL", `Contract "${contract.name}": SQL and JS disagree about row ${record}`, {
    hint: "Nothing was passed on. Please report it, with the contract and this row.",
    details: { contract: contract.name, record, columnar, validator: [...validator] },
  });
}

function checkAccounts(dataset: Dataset, read: number, failing: number, outcome: VerdictOutcome): void {
  const { valid, duplicate, quarantined } = outcome;
  if (read === dataset.rows && failing === quarantined && dataset.rows === valid.rows + duplicate + quarantined) return;
  throw new SluiceError(
    "ACCOUNTING",
    `${dataset.rows} rows in (${read} read) are not ${valid.rows} valid + ${duplicate} duplicate + ${quarantined} quarantined (${failing} failed)`,
    { details: { in: dataset.rows, read, valid: valid.rows, duplicate, quarantined, failing } },
  );
}
