// Brings the tables that a query names into its engine. The embedded warehouse is attached as it lies; a table of another
// database is read whole, by the adapter that extract uses, into a temporary file.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { openArtifactStore } from "../adapters/file-system/artifact-store.ts";
import { dataFolder, lakeFolder } from "../adapters/lake/catalog.ts";
import { attachLake, lakeTables } from "../adapters/lake/read.ts";
import { systemClock } from "../clock.ts";
import { resolveSetting, type Connection } from "../config.ts";
import { rejectNothing } from "../connect/rejected-rows.ts";
import type { Source, SourceAdapter, SourceContext } from "../connect/source.ts";
import type { SqlConnection } from "../connect/sql-connection.ts";
import type { Dataset } from "../dataset/dataset.ts";
import { openSession, type Session } from "../dataset/session.ts";
import { quoteIdentifier, sql, type Sql } from "../dataset/sql.ts";
import { readDataset } from "../dataset/write-dataset.ts";
import { isSluiceError, SluiceError } from "../errors.ts";
import { silentLog } from "../log.ts";
import type { TableName } from "./query-tables.ts";

export interface QueryPlaces {
  /** The project's folder. */
  readonly folder: string;
  /** Its state folder. */
  readonly home: string;
  /** A folder of the query's own, removed when it is done. */
  readonly temporary: string;
  readonly signal: AbortSignal;
}

interface Database {
  readonly source: () => Promise<SourceAdapter>;
  /** Names of its tables, in a column "name". */
  readonly tables: Sql;
}

/** Databases whose tables can be read whole, by vendor. */
const databases: Readonly<Record<string, Database>> = {
  sqlite: {
    source: async () => (await import("../adapters/sqlite/source.ts")).sqliteSource,
    tables: sql`SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name`,
  },
  mysql: {
    source: async () => (await import("../adapters/mysql/source.ts")).mysqlSource,
    tables: sql`
      SELECT IF(table_schema = database(), table_name, concat(table_schema, '.', table_name)) AS name
      FROM information_schema.tables
      WHERE table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys') ORDER BY 1`,
  },
  postgres: {
    source: async () => (await import("../adapters/postgres/source.ts")).postgresSource,
    tables: sql`
      SELECT CASE table_schema WHEN 'public' THEN '' ELSE table_schema || '.' END || table_name AS name
      FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
  },
};

/** Attaches what the query names of `connection`; returns the folders whose files the query may read. */
export async function bringTables(
  session: Session,
  connection: Connection,
  tables: readonly TableName[],
  places: QueryPlaces,
): Promise<readonly string[]> {
  if (connection.vendor === "lake") return attachWarehouse(session, connection, tables, places);
  const database = databases[connection.vendor];
  if (database === undefined) {
    throw new SluiceError(
      "USAGE",
      `The connection "${connection.name}" (${connection.vendor}) has no tables to query`,
      {
        hint: "Query a warehouse that a pipeline loads its data into.",
      },
    );
  }
  const name = quoteIdentifier(connection.name);
  await session.run(`ATTACH ':memory:' AS ${name}`);
  for (const table of tables) {
    const dataset = await readTable(database, connection as SqlConnection, table, places);
    const schema = table.schema ?? "main";
    await session.run(
      `CREATE SCHEMA IF NOT EXISTS ${name}.${quoteIdentifier(schema)};
       CREATE VIEW ${name}.${quoteIdentifier(schema, table.table)} AS SELECT * FROM ${readDataset(dataset)}`,
    );
  }
  return [];
}

async function attachWarehouse(
  session: Session,
  connection: Connection,
  tables: readonly TableName[],
  places: QueryPlaces,
): Promise<readonly string[]> {
  const folder = lakeFolder(connection, places);
  const known = lakeTables(folder).map((table) => table.name);
  for (const table of tables) {
    if (!known.some((name) => name.toLowerCase() === shortName(table).toLowerCase()))
      throw unknownTable(connection, table, known);
  }
  // No name given: the query asks what there is.
  const mentioned = tables.length === 0 ? undefined : tables.map((table) => table.table).join(" ");
  await session.run(attachLake(folder, connection.name, mentioned).join(";\n"));
  return [`${dataFolder(folder)}/`];
}

async function readTable(
  database: Database,
  connection: SqlConnection,
  table: TableName,
  places: QueryPlaces,
): Promise<Dataset> {
  const read = await database.source();
  // Reading needs its own engine: the query's is about to be locked, and its tables would be in the user's way.
  const session = await openSession({
    temporaryFolder: join(places.temporary, "spill"),
    threads: availableParallelism(),
  });
  const context: SourceContext = {
    folder: places.folder,
    home: places.home,
    signal: places.signal,
    log: silentLog,
    clock: systemClock,
    artifacts: openArtifactStore({
      artifacts: join(places.temporary, "tables"),
      temporary: join(places.temporary, "making"),
    }),
    session: async () => session,
    reject: rejectNothing,
    resolve: (setting) => resolveSetting(setting, places.folder),
  };
  try {
    return await read(connection.read(shortName(table)), context);
  } catch (error) {
    if (!isSluiceError(error) || !["QUERY_FAILED", "SOURCE_MISSING", "SOURCE_REFUSED"].includes(error.code))
      throw error;
    const known = await tableNames(read, connection.query(database.tables), context).catch(() => null);
    if (known === null || known.includes(shortName(table))) throw error;
    throw unknownTable(connection, table, known);
  } finally {
    session.close();
  }
}

async function tableNames(read: SourceAdapter, source: Source, context: SourceContext): Promise<string[]> {
  const session = await context.session();
  const rows = await session.rows(`SELECT name FROM ${readDataset(await read(source, context))}`);
  return rows.map((row) => String(row["name"]));
}

function unknownTable(connection: Connection, table: TableName, known: readonly string[]): SluiceError {
  const names = known
    .slice(0, 20)
    .map((name) => `${connection.name}.${name}`)
    .join(", ");
  return new SluiceError("NOT_FOUND", `There is no table "${shortName(table)}" in ${connection.name}`, {
    hint:
      known.length === 0
        ? "It has none yet: run a pipeline that loads into it first."
        : `It has ${names}${known.length > 20 ? " …" : ""}.`,
    details: { connection: connection.name, table: shortName(table), known },
  });
}

function shortName(table: TableName): string {
  return table.schema === null ? table.table : `${table.schema}.${table.table}`;
}
