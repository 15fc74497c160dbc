// Judges a dataset by a contract: one columnar pass over all rows, the JS validator over those that failed it (for their
// reasons) and those it could not decide. Where the two disagree about a row it stops: there is no third opinion.
import { randomUUID } from "node:crypto";
import type { ArtifactStore } from "../dataset/artifact-store.ts";
import type { Dataset } from "../dataset/dataset.ts";
import type { Session } from "../dataset/session.ts";
import { quoteIdentifier, quoteLiteral } from "../dataset/sql.ts";
import { writeQuery } from "../dataset/write-dataset.ts";
import { SluiceError } from "../errors.ts";
import { type CompiledContract, compileContract } from "./compile.ts";
import type { Contract, Judgement } from "./contract.ts";
import { type Issue, jsonValue } from "./issue.ts";
import { failingRows } from "./open-rows.ts";
import { anyOf, judgedSql, rowWords } from "./verdict-sql.ts";
import { bitNames, cellsOf, cellTexts, chunks, rowReader } from "./row-reader.ts";
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
    const counts = await countRows(session, table, compiled);
    if (counts.open > 0) {
      const failing = await failingRows({ session, contract, dataset, compiled, table });
      await mark(session, table, failing, true);
      counts.suspect += failing.length;
    }
    let repeats = 0;
    let failed = 0;
    const pardoned: number[] = [];
    const settle = (rid: number, isValid: boolean): void => {
      if (isValid) pardoned.push(rid);
      else failed += 1;
    };
    const suspects = counts.suspect === 0 ? noRows() : judgeSuspects(request, compiled, table, settle);
    const quarantined = await request.setAside(
      (async function* () {
        yield* suspects;
        await mark(session, table, pardoned, false);
        if (contract.key.length === 0) return;
        repeats = await markRepeats(session, contract, compiled, table);
        if (contract.onDuplicate === "drop" || repeats === 0) return;
        failed += repeats;
        yield* repeatedRows(request, table);
      })(),
    );
    const values = compiled.columns.map(
      (column, position) => `${compiled.values[position]} AS ${quoteIdentifier(column.name)}`,
    );
    const query = `SELECT ${values.join(", ")} FROM ${table} WHERE NOT suspect ORDER BY rid`;
    const valid = await writeQuery(session, artifacts, query, { columns: compiled.columns, maxRows: dataset.rows });
    const dropped = contract.onDuplicate === "drop" ? repeats : 0;
    const outcome = { valid, duplicate: counts.read - counts.distinct + dropped, quarantined };
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

/** Adds to the judged rows `suspect`: this row is broken. */
function verdictSql(compiled: CompiledContract, delivery: string, cellCount: number): string {
  // Only what is read again: every further column of the table costs as much as a check.
  const cells = Array.from({ length: cellCount }, (_, position) => `c${position}`);
  const kept = new Set(["rid", "n", ...cells, ...compiled.values, ...rowWords(compiled)]);
  return `SELECT ${[...kept].join(", ")}, ${anyOf("m", compiled.masks)} AS suspect FROM (${judgedSql(compiled, delivery)})`;
}

interface Counts {
  readonly read: number;
  readonly distinct: number;
  suspect: number;
  readonly open: number;
}

async function countRows(session: Session, table: string, compiled: CompiledContract): Promise<Counts> {
  const open = `NOT suspect AND ${anyOf("o", compiled.open)}`;
  const [row] = await session.rows(
    `SELECT CAST(coalesce(sum(n), 0) AS BIGINT) AS r, count(*) AS d, count(*) FILTER (WHERE suspect) AS s, count(*) FILTER (WHERE ${open}) AS o FROM ${table}`,
  );
  return {
    read: Number(row?.["r"]),
    distinct: Number(row?.["d"]),
    suspect: Number(row?.["s"]),
    open: Number(row?.["o"]),
  };
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
  const masks = compiled.masks.length;
  const words = rowWords(compiled);
  const texts = cellTexts(dataset);
  const query = `SELECT rid, ${[...words, ...texts].join(", ")} FROM ${table} WHERE suspect ORDER BY rid`;
  for await (const rows of chunks(session, query)) {
    const batch: QuarantinedRow[] = [];
    for (const [rid, ...rest] of rows) {
      const set = rest.slice(0, words.length) as bigint[];
      const { row, raw } = read(cellsOf(rest.slice(words.length)));
      const judgement = contract.judge(row);
      const record = Number(rid) + 1;
      const isOpen = set.slice(masks).some((word) => word !== 0n);
      compareVerdicts(contract, record, isOpen, bitNames(compiled.bits, set.slice(0, masks)), judgement);
      settle(Number(rid), judgement.issues.length === 0);
      if (judgement.issues.length > 0) batch.push({ record, row: raw(), reasons: judgement.issues });
    }
    if (batch.length > 0) yield batch;
  }
}

/** The rows whose key another valid row before them has, as rows to be set aside. */
async function* repeatedRows(
  { session, contract, dataset }: VerdictRequest,
  table: string,
): AsyncGenerator<readonly QuarantinedRow[]> {
  const read = rowReader(contract, dataset);
  const query = `SELECT rid, ${cellTexts(dataset).join(", ")} FROM ${table} WHERE repeated ORDER BY rid`;
  for await (const rows of chunks(session, query)) {
    yield rows.map(([rid, ...rest]): QuarantinedRow => {
      const { row, raw } = read(cellsOf(rest));
      return { record: Number(rid) + 1, row: raw(), reasons: [repeatIssue(contract.key, row)] };
    });
  }
}

/** Marks, of the valid rows with the same key, all but the first; how many there are. */
async function markRepeats(
  session: Session,
  contract: Contract,
  compiled: CompiledContract,
  table: string,
): Promise<number> {
  const key = contract.key.map(
    (name) => compiled.values[compiled.columns.findIndex((column) => column.name === name)]!,
  );
  await session.run(`ALTER TABLE ${table} ADD COLUMN repeated BOOLEAN DEFAULT false`);
  return session.run(
    `UPDATE ${table} SET suspect = true, repeated = true WHERE rid IN (SELECT rid FROM (
       SELECT rid, row_number() OVER (PARTITION BY ${key.join(", ")} ORDER BY rid) AS place FROM ${table} WHERE NOT suspect
     ) WHERE place > 1)`,
  );
}

function repeatIssue(key: readonly string[], row: Readonly<Record<string, unknown>>): Issue {
  const values = Object.fromEntries(key.map((column) => [column, jsonValue(row[column])]));
  const told = Object.entries(values).map(([column, value]) => `${column} = ${JSON.stringify(value)}`);
  return {
    path: key.join(","),
    rule: "key",
    value: key.length === 1 ? values[key[0]!]! : values,
    message: `a valid row before it has the same key: ${told.join(", ")}`,
  };
}

/** Sets the mark of certain rows. */
async function mark(session: Session, judged: string, rids: readonly number[], suspect: boolean): Promise<void> {
  if (rids.length === 0) return;
  const table = `marked_${randomUUID().replaceAll("-", "")}`;
  await session.run(`CREATE TEMP TABLE ${table} (rid BIGINT)`);
  try {
    const appender = await session.connection.createAppender(table);
    for (const rid of rids) {
      appender.appendBigInt(BigInt(rid));
      appender.endRow();
    }
    appender.closeSync();
    await session.run(`UPDATE ${judged} SET suspect = ${suspect} WHERE rid IN (SELECT rid FROM ${table})`);
  } finally {
    await session.run(`DROP TABLE ${table}`);
  }
}

/** The columnar pass and the validator must name the same broken columns and rules, wherever the pass could decide. */
function compareVerdicts(
  contract: Contract,
  record: number,
  isOpen: boolean,
  columnar: readonly string[],
  { broken, issues }: Judgement,
): void {
  // Of a row that SQL can't judge in whole, it may have missed something, but what it did find is broken for sure.
  const agree = isOpen
    ? columnar.length === 0 || issues.length > 0
    : contract.validator.namesColumns
      ? columnar.length === broken.size && columnar.every((name) => broken.has(name))
      : columnar.length > 0 === issues.length > 0;
  if (agree) return;
  throw new SluiceError("INTERNAL", `Contract "${contract.name}": SQL and JS disagree about row ${record}`, {
    hint: "Nothing was passed on. Please report it, with the contract and this row.",
    details: { contract: contract.name, record, columnar, validator: [...broken] },
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
