// Runs a query over the project's connections, for reading only, in an engine of its own that is locked before the query
// runs: it can read the files of the connections it names, and nothing else.
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { DuckDBResult } from "@duckdb/node-api";
import { homeFolder, unknownConnection, type Config } from "../config.ts";
import { openSession, type Session } from "../dataset/session.ts";
import { quoteLiteral } from "../dataset/sql.ts";
import { SluiceError } from "../errors.ts";
import { loadConfig } from "./project.ts";
import { bringTables, type QueryPlaces } from "./query-connections.ts";
import { tablesOf, type NamedTables, type TableName } from "./query-tables.ts";
import { jsonValue } from "./query-values.ts";

export interface QueryRequest {
  /** Path of the project's configuration file. */
  readonly configPath: string;
  /** One SELECT, in DuckDB's SQL; tables are named CONNECTION.TABLE. */
  readonly sql: string;
  readonly signal?: AbortSignal;
}

export interface QueryColumn {
  readonly name: string;
  readonly numeric: boolean;
}

export interface QueryResult {
  readonly columns: readonly QueryColumn[];
  /** The rows as JSON, some thousands at a time; a number that JavaScript can't hold exactly is a string. Can be read once. */
  batches(): AsyncIterable<readonly Readonly<Record<string, unknown>>[]>;
  /** Ends the engine and removes its temporary files. */
  close(): Promise<void>;
}

/** Starts the query. Errors of its SQL are QUERY_FAILED; anything but a SELECT is USAGE. */
export async function runQuery({
  configPath,
  sql,
  signal = new AbortController().signal,
}: QueryRequest): Promise<QueryResult> {
  const config = await loadAside(configPath);
  const folder = dirname(configPath);
  const temporary = await mkdtemp(join(tmpdir(), "sluice-query-"));
  let session: Session | undefined;
  const stop = (): void => session?.interrupt();
  signal.addEventListener("abort", stop);
  const close = async (): Promise<void> => {
    signal.removeEventListener("abort", stop);
    session?.close();
    await rm(temporary, { recursive: true, force: true });
  };
  try {
    session = await openSession({ temporaryFolder: join(temporary, "spill"), threads: availableParallelism() });
    const named = await tablesOf(session, sql);
    const allowed = await attach(session, config, named, { folder, home: homeFolder(folder), temporary, signal });
    await session.run(
      `SET allowed_directories = [${allowed.map(quoteLiteral).join(", ")}];
       SET enable_external_access = false; SET lock_configuration = true`,
    );
    signal.throwIfAborted();
    const { connection } = session;
    const result = await explained(() => connection.stream(sql), sql);
    return { columns: columnsOf(result), batches: () => batchesOf(result, sql), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Loads the configuration. What its code prints goes to stderr, because the rows are on stdout. */
async function loadAside(configPath: string): Promise<Config> {
  const { write } = process.stdout;
  process.stdout.write = process.stderr.write.bind(process.stderr) as typeof write;
  try {
    return await loadConfig(configPath);
  } finally {
    process.stdout.write = write;
  }
}

async function attach(
  session: Session,
  config: Config,
  { tables, catalog }: NamedTables,
  places: QueryPlaces,
): Promise<string[]> {
  const known = Object.values(config.connections);
  const wanted = new Map<string, TableName[]>();
  // Who asks what tables there are is told those of the embedded warehouses; others would have to be read to be known.
  if (catalog) for (const connection of known) if (connection.vendor === "lake") wanted.set(connection.name, []);
  for (const table of tables) {
    if (!known.some((connection) => connection.name === table.connection)) {
      throw unknownConnection(
        table.connection,
        known.map((connection) => connection.name),
      );
    }
    // One table named and the catalog asked for: all of the warehouse is attached.
    if (catalog && wanted.has(table.connection)) continue;
    wanted.set(table.connection, [...(wanted.get(table.connection) ?? []), table]);
  }
  const allowed = [`${places.temporary}/`];
  for (const [name, own] of wanted) {
    allowed.push(
      ...(await bringTables(
        session,
        known.find((connection) => connection.name === name)!,
        own,
        places,
      )),
    );
  }
  return allowed;
}

function columnsOf(result: DuckDBResult): QueryColumn[] {
  return result.deduplicatedColumnNames().map((name, position) => ({
    name,
    numeric: /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DECIMAL.*|FLOAT|DOUBLE)$/.test(
      result.columnType(position).toString(),
    ),
  }));
}

async function* batchesOf(result: DuckDBResult, sql: string): AsyncGenerator<Record<string, unknown>[]> {
  const batches = result.yieldConvertedRowObjects(jsonValue);
  for (;;) {
    const { done, value } = await explained(() => batches.next(), sql);
    if (done === true) return;
    yield value;
  }
}

async function explained<T>(work: () => Promise<T>, sql: string): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    const lines = text
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "");
    if (lines[0]?.startsWith("Permission Error")) {
      throw new SluiceError("QUERY_FAILED", "A query can't read files, only tables of the project's connections", {
        hint: "Name a table as CONNECTION.TABLE.",
        details: { sql },
        cause,
      });
    }
    if (lines[0]?.startsWith("INTERRUPT Error"))
      throw new SluiceError("CANCELLED", "The query was interrupted", { cause });
    // "Did you mean", "Candidate bindings": what the engine adds after its first line, except the picture of the place.
    const hint = lines.slice(1).find((line) => /^(Did you mean|Candidate)/.test(line));
    throw new SluiceError("QUERY_FAILED", lines[0] ?? text, { hint, details: { sql }, cause });
  }
}
