// Loads into MySQL and MariaDB. Rows wait in a temporary table; then one transaction takes them, the key of the load and the
// positions. These databases commit before and after every change of a schema: a table is made or given columns before that
// transaction, and stays so when the load fails. A lock of the server's keeps other loads of the table away all the while.
import { createHash } from "node:crypto";
import type { LoadRequest, Sink, SinkContext, Table } from "../../connect/sink.ts";
import type { Row } from "../../dataset/session.ts";
import { SluiceError } from "../../errors.ts";
import type { Destination } from "../sql-load/destination.ts";
import type { LoadDialect } from "../sql-load/dialect.ts";
import { storedPosition } from "../sql-load/ledger.ts";
import { loadOnce } from "../sql-load/load-once.ts";
import { deletedColumn, isOwn, partitionColumn } from "../sql-load/own-columns.ts";
import { stagedRows, type StagedRows } from "../sql-load/staged-rows.ts";
import type { LoadedColumn } from "../sql-load/statements.ts";
import type { PresentColumn } from "../sql-load/table-changes.ts";
import { inTurn } from "../sql-load/turns.ts";
import { withMysql, type MysqlClient } from "./connection.ts";
import { engineType, fits, literalExpression, typesWith } from "./loading-types.ts";
import { backticked } from "./reading-types.ts";

/** Loads into tables of the vendor "mysql". */
export const mysqlSink: Sink = {
  capabilities: {
    writes: ["append", "replace", "replace-partition", "upsert", "delete-insert", "insert-only", "scd2", "retain"],
    effect: "exactly-once",
    widens: true,
  },
  load: async (request, context) => {
    const staged = await stagedRows(request, context.session);
    return withMysql(request.table.connection, "sink", context, async (client) => {
      const place = await placeOf(client, request.table);
      await client.query(`create database if not exists ${backticked(place.schema)}`).catch((error: unknown) => {
        // Whoever may not make one may still load into one that is there.
        if (request.table.name.includes(".")) throw error;
      });
      return loadOnce(await destinationOf(client, place, request, staged, context), request, staged, context.signal);
    });
  },
  columns: (table, offered, context) =>
    withMysql(table.connection, "sink", context, async (client) => {
      const present = await presentColumns(client, await placeOf(client, table));
      if (present === null) return null;
      return present
        .filter(({ name }) => !isOwn(name))
        .map(({ name, type, fillsItself }) => {
          const column = offered.find((other) => other.name === name);
          const same = column === undefined ? null : fits(column, type);
          return { name, type: engineType(type), native: type, optional: fillsItself, fits: same };
        });
    }),
  position: (table, reader, context) =>
    withMysql(table.connection, "sink", context, async (client) => {
      const place = await placeOf(client, table);
      if ((await presentColumns(client, { ...place, table: "_sluice_positions" })) === null) return null;
      const positions = backticked(place.schema, "_sluice_positions");
      return storedPosition(
        { dialect, positions, name: place.table, value: (query) => valueOf(client, query) },
        reader,
      );
    }),
  sample: (table, columns, limit, context) =>
    withMysql(table.connection, "sink", context, async (client) => {
      const place = await placeOf(client, table);
      if ((await presentColumns(client, place)) === null) return [];
      const names = columns.map((name) => backticked(name)).join(", ");
      const { rows } = await client.query(
        `select ${names} from ${backticked(place.schema, place.table)} limit ${limit}`,
      );
      return rows.map((row): Row => Object.fromEntries(columns.map((name, index) => [name, row[index] ?? null])));
    }),
};

interface Place {
  readonly schema: string;
  readonly table: string;
}

const sqlMode = "STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO";

/** Sets the connection up, so that text means the same whatever the server's own settings are. */
async function placeOf(client: MysqlClient, { name, connection }: Table): Promise<Place> {
  await client.query(`set session sql_mode = '${sqlMode}', session time_zone = '+00:00'`);
  const path = name.split(".");
  const schema = path.length > 1 ? path[0]! : await valueOf(client, "select database()");
  if (schema !== null) return { schema, table: path.at(-1)! };
  throw new SluiceError("SINK_SCHEMA", `There is no database for the table ${connection.name}.${name}`, {
    hint: 'Name it in the connection\'s URL, or with the table, such as table("shop.sales").',
  });
}

async function valueOf(client: MysqlClient, query: string): Promise<string | null> {
  return (await client.query(query)).rows[0]?.[0] ?? null;
}

async function presentColumns(client: MysqlClient, { schema, table }: Place): Promise<readonly PresentColumn[] | null> {
  const { rows } = await client.query(
    `select column_name, column_type, column_default, extra from information_schema.columns
      where table_schema = ${dialect.text(schema)} and table_name = ${dialect.text(table)} order by ordinal_position`,
  );
  if (rows.length === 0) return null;
  return rows.map(([name, type, preset, extra]) => ({
    name: name!,
    type: type!,
    // MariaDB says NULL where there is none.
    fillsItself:
      (preset != null && preset !== "NULL") || /auto_increment|generated|persistent|virtual/i.test(extra ?? ""),
  }));
}

const dialect: LoadDialect = {
  quote: backticked,
  text: (value) => `'${value.replaceAll("'", "''")}'`,
  time: (utc) => `cast('${utc.replace("+00", "")}' as datetime(6))`,
  timeText: (expression) => `cast(${expression} as char)`,
  // A column's own comparison may be blind to case, or to spaces at the end.
  same: (left, right, native) =>
    /char|text|enum|set/.test(native) ? `cast(${left} as binary) <=> cast(${right} as binary)` : `${left} <=> ${right}`,
  updateFrom: ({ target, staged, match, set, where }) =>
    `update ${target} as t join ${staged} as s on ${match}
        set ${set.map(([column, expression]) => `t.${column} = ${expression}`).join(", ")} where ${where}`,
  deleteFrom: (target, where) => `delete t from ${target} as t where ${where}`,
};

async function destinationOf(
  client: MysqlClient,
  place: Place,
  request: LoadRequest,
  staged: StagedRows,
  context: SinkContext,
): Promise<Destination> {
  const { schema, table } = place;
  const target = backticked(schema, table);
  const lock = `sluice ${createHash("sha256").update(target).digest("hex").slice(0, 40)}`;
  // Either is there, in MySQL the one, in MariaDB the other.
  const collation = await valueOf(
    client,
    "select min(collation_name) from information_schema.collations where collation_name in ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin')",
  );
  const types = typesWith(collation ?? "utf8mb4_bin");
  const native = (name: string): string =>
    name === partitionColumn ? types.text : types.loadingType(staged.columns.find((column) => column.name === name)!);
  return {
    dialect,
    types,
    target,
    name: table,
    loads: backticked(schema, "_sluice_loads"),
    positions: backticked(schema, "_sluice_positions"),
    execute: async (statement) => {
      await client.query(statement);
    },
    rows: async (query) => (await client.query(query)).rows,
    value: (query) => valueOf(client, query),
    presentColumns: () => presentColumns(client, place),
    begin: async () => {
      await client.query(`select get_lock(${dialect.text(lock)}, 86400)`);
    },
    widening: (column, type) => `alter table ${target} modify column ${backticked(column)} ${type}`,
    indexing: (columns) => {
      const parts = indexParts(columns.map((name) => ({ name, native: native(name) })));
      return parts === null ? null : `alter table ${target} add index (${parts})`;
    },
    stage: async (columns) => {
      const into = backticked(schema, "_sluice_staged");
      const mark = staged.marksDeleted ? `, 0 as ${deletedColumn}` : "";
      const names = columns.map(({ name }) => backticked(name)).join(", ");
      await client.query(`create temporary table ${into} as select ${names}${mark} from ${target} limit 0`);
      const keys = typeof request.write === "object" ? request.write.key : [];
      const parts = indexParts(columns.filter(({ name }) => keys.includes(name)));
      if (keys.length > 0 && parts !== null) await client.query(`alter table ${into} add index (${parts})`);
      if (request.dataset.rows > 0) await inTurn(() => insertRows(client, into, staged, context));
      return into;
    },
    schemaDone: async () => {
      await client.query("start transaction");
    },
    commit: async () => {
      await client.query("commit");
    },
    rollback: async () => {
      await client.query("rollback");
    },
  };
}

/** Long text is indexed by its beginning; JSON can't be, and then nothing is. */
function indexParts(columns: readonly LoadedColumn[]): string | null {
  if (columns.some(({ native }) => native.startsWith("json"))) return null;
  const isLong = (native: string): boolean =>
    /text|blob/.test(native) || Number(/^var(?:char|binary)\((\d+)\)/.exec(native)?.[1] ?? 0) > 100;
  return columns.map(({ name, native }) => `${backticked(name)}${isLong(native) ? "(100)" : ""}`).join(", ");
}

/** As much as one statement holds: well below what any server takes at once. */
const statementLength = 1_000_000;

async function insertRows(
  client: MysqlClient,
  into: string,
  { columns, marksDeleted, rows }: StagedRows,
  context: SinkContext,
): Promise<void> {
  const literals = [
    ...columns.map(literalExpression),
    ...(marksDeleted ? [literalExpression({ name: deletedColumn, type: "BOOLEAN" })] : []),
  ];
  const session = await context.session();
  const result = await session.connection.stream(`SELECT '(' || ${literals.join(" || ',' || ")} || ')' FROM ${rows}`);
  let [batch, length]: [string[], number] = [[], 0];
  const send = async (): Promise<void> => {
    if (batch.length === 0) return;
    context.signal.throwIfAborted();
    await client.query(`insert into ${into} values ${batch.join(",")}`);
    [batch, length] = [[], 0];
  };
  for await (const chunk of result.yieldRows()) {
    for (const [row] of chunk) {
      const text = String(row);
      if (length + text.length > statementLength) await send();
      batch.push(text);
      length += text.length;
    }
  }
  await send();
}
