// Loads into a DuckDB file: the engine reads the dataset and writes the table itself, in one transaction with the key of the
// load and the positions. The types are the engine's own.
import { randomUUID } from "node:crypto";
import type { LoadRequest, Sink, Table } from "../../connect/sink.ts";
import type { Column } from "../../dataset/dataset.ts";
import type { Session } from "../../dataset/session.ts";
import { quoteIdentifier, quoteLiteral } from "../../dataset/sql.ts";
import { isSluiceError, SluiceError } from "../../errors.ts";
import type { Destination } from "../sql-load/destination.ts";
import { standardSql, type LoadDialect } from "../sql-load/dialect.ts";
import { storedPosition } from "../sql-load/ledger.ts";
import { loadOnce } from "../sql-load/load-once.ts";
import { deletedColumn, isOwn } from "../sql-load/own-columns.ts";
import { stagedRows, type StagedRows } from "../sql-load/staged-rows.ts";
import type { PresentColumn } from "../sql-load/table-changes.ts";
import { attached, pathOf, withFile } from "./file.ts";

/** Loads into tables of the vendor "duckdb". */
export const duckdbSink: Sink = {
  capabilities: {
    writes: ["append", "replace", "replace-partition", "upsert", "delete-insert", "insert-only", "scd2", "retain"],
    effect: "exactly-once",
    widens: true,
  },
  load: async (request, context) => {
    context.signal.throwIfAborted();
    const staged = await stagedRows(request, context.session);
    const loaded = await withFile(pathOf(request.table, context), "write", context.session, async (session) => {
      const destination = destinationOf(session, request.table, staged);
      try {
        await session.run(`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(attached, schemaOf(request.table).schema)}`);
        return await loadOnce(destination, request, staged, context.signal);
      } catch (error) {
        throw misfit(error, request);
      } finally {
        await session.run(`DROP TABLE IF EXISTS ${destination.staging}`);
      }
    });
    return loaded!;
  },
  columns: (table, offered, context) =>
    withFile(pathOf(table, context), "read", context.session, async (session) => {
      const present = await presentColumns(session, table);
      if (present === null) return null;
      return present
        .filter(({ name }) => !isOwn(name))
        .map(({ name, type, fillsItself }) => {
          const column = offered.find((other) => other.name === name);
          return {
            name,
            type,
            native: type,
            optional: fillsItself,
            fits: column === undefined ? null : fits(column, type),
          };
        });
    }),
  position: (table, reader, context) =>
    withFile(pathOf(table, context), "read", context.session, async (session) => {
      const { schema } = schemaOf(table);
      const there = await presentColumns(session, { ...table, name: `${schema}._sluice_positions` });
      return there === null ? null : storedPosition(destinationOf(session, table, null), reader);
    }),
  sample: async (table, columns, limit, context) =>
    (await withFile(pathOf(table, context), "read", context.session, async (session) => {
      if ((await presentColumns(session, table)) === null) return [];
      const names = columns.map((name) => quoteIdentifier(name)).join(", ");
      return session.rows(`SELECT ${names} FROM ${targetOf(table)} LIMIT ${limit}`);
    })) ?? [],
};

function schemaOf({ name }: Pick<Table, "name">): { readonly schema: string; readonly table: string } {
  const path = name.split(".");
  return { schema: path.length > 1 ? path[0]! : "main", table: path.at(-1)! };
}

function targetOf(table: Pick<Table, "name">): string {
  const { schema, table: name } = schemaOf(table);
  return quoteIdentifier(attached, schema, name);
}

async function presentColumns(session: Session, table: Pick<Table, "name">): Promise<readonly PresentColumn[] | null> {
  const { schema, table: name } = schemaOf(table);
  const rows = await session.rows(
    `SELECT column_name, data_type, column_default FROM duckdb_columns()
      WHERE database_name = '${attached}' AND schema_name = ${quoteLiteral(schema)} AND table_name = ${quoteLiteral(name)}
      ORDER BY column_index`,
  );
  if (rows.length === 0) return null;
  return rows.map((row) => ({
    name: String(row["column_name"]),
    type: String(row["data_type"]),
    fillsItself: row["column_default"] !== null,
  }));
}

const whole = ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"];
const natural = ["UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"];

/** Does a column of this type keep every value? The same type does, and a wider one of its kind. */
function fits(column: Column, present: string): boolean {
  if (column.type === present) return true;
  const wider = (list: readonly string[]): boolean => {
    const [from, to] = [list.indexOf(column.type), list.indexOf(present)];
    return from >= 0 && to >= from;
  };
  if (wider(whole) || wider(natural)) return true;
  if (column.type === "FLOAT") return present === "DOUBLE";
  const [mine, theirs] = [decimalOf(column.type), decimalOf(present)];
  return (
    mine !== null &&
    theirs !== null &&
    theirs.scale >= mine.scale &&
    theirs.precision - theirs.scale >= mine.precision - mine.scale
  );
}

function decimalOf(type: string): { readonly precision: number; readonly scale: number } | null {
  const match = /^DECIMAL\((\d+),\s*(\d+)\)$/.exec(type);
  return match === null ? null : { precision: Number(match[1]), scale: Number(match[2]) };
}

const dialect: LoadDialect = {
  ...standardSql,
  quote: quoteIdentifier,
  text: quoteLiteral,
  time: (utc) => `TIMESTAMPTZ '${utc}'`,
  timeText: (expression) => `CAST(${expression} AS VARCHAR)`,
  same: (left, right) => `${left} IS NOT DISTINCT FROM ${right}`,
};

function destinationOf(
  session: Session,
  table: Table,
  staged: StagedRows | null,
): Destination & { readonly staging: string } {
  const { schema, table: name } = schemaOf(table);
  const staging = `temp.sluice_staged_${randomUUID().replaceAll("-", "")}`;
  const target = targetOf(table);
  const rows: Destination["rows"] = async (query) => {
    const found = await session.rows(query);
    return found.map((row) => Object.values(row).map((value) => (value === null ? null : String(value))));
  };
  let begun = false;
  return {
    staging,
    dialect,
    types: {
      loadingType: ({ type }) => type,
      fits,
      text: "VARCHAR",
      integer: "BIGINT",
      long: "VARCHAR",
      time: "TIMESTAMP WITH TIME ZONE",
    },
    target,
    name,
    loads: quoteIdentifier(attached, schema, "_sluice_loads"),
    positions: quoteIdentifier(attached, schema, "_sluice_positions"),
    execute: async (statement) => {
      await session.run(statement);
    },
    rows,
    value: async (query) => (await rows(query))[0]?.[0] ?? null,
    presentColumns: () => presentColumns(session, table),
    begin: async () => {
      await session.run("BEGIN TRANSACTION");
      begun = true;
    },
    widening: (column, type) => `ALTER TABLE ${target} ALTER COLUMN ${quoteIdentifier(column)} SET DATA TYPE ${type}`,
    // It scans faster than an index would be kept.
    indexing: () => null,
    stage: async (columns) => {
      const { columns: offered, marksDeleted, rows: from } = staged!;
      const values = columns.map((column) => {
        const quoted = quoteIdentifier(column.name);
        const type = offered.find((other) => other.name === column.name)!.type;
        // NaN is null, here as everywhere.
        return type === "DOUBLE" || type === "FLOAT"
          ? `CASE WHEN isnan(${quoted}) THEN NULL ELSE ${quoted} END AS ${quoted}`
          : quoted;
      });
      const mark = marksDeleted ? [deletedColumn] : [];
      await session.run(`CREATE TEMP TABLE ${staging} AS SELECT ${[...values, ...mark].join(", ")} FROM ${from}`);
      return staging;
    },
    schemaDone: async () => {},
    commit: async () => {
      await session.run("COMMIT");
      begun = false;
    },
    rollback: async () => {
      if (begun) await session.run("ROLLBACK");
      begun = false;
    },
  };
}

/** What the table's own constraints refuse. */
function misfit(error: unknown, { table }: LoadRequest): unknown {
  if (!isSluiceError(error) || error.code !== "QUERY_FAILED") return error;
  if (!/^(Constraint|Conversion|Invalid Input|Catalog|Binder|Dependency) Error/.test(error.message)) return error;
  return new SluiceError("SINK_SCHEMA", `${table.connection.name}.${table.name}: ${error.message}`, {
    hint: "Make the rows fit the table's columns and constraints, or change the table.",
    cause: error,
  });
}
