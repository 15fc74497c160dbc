// Reads what changed in a table by logical replication. The server's slot is looked into, never consumed: it is moved on by the
// next reading, to where the destination says it is. So a crash between reading and loading loses nothing, and nothing is acknowledged that
// isn't stored. The first reading is the table as it is.
import type { ChangesRequest } from "../../connect/postgres-changes.ts";
import type { RangeReader, Source, SourceContext } from "../../connect/source.ts";
import type { Dataset } from "../../dataset/dataset.ts";
import { quoteIdentifier, quoteLiteral } from "../../dataset/sql.ts";
import { writeRows } from "../../dataset/write-dataset.ts";
import { SluiceError } from "../../errors.ts";
import { withPostgres, type PostgresClient } from "./connection.ts";
import { parseMessage, unchanged, type Relation, type RowChange, type SentValue } from "./pgoutput.ts";
import { readingColumn, type ReadingColumn } from "./reading-types.ts";
import { copyRows, textSettings } from "./reading.ts";

/** Reads the changes that `connection.changes(…)` names; `range.from` holds the place in the server's log, such as "0/16B3748". */
export const postgresChanges: RangeReader = async (source, range, context) => {
  if (range.by !== "state") {
    throw new SluiceError("DEFINITION_INVALID", "incremental: changes are read on from the place in the server's log", {
      hint: "Use bookmark() as the cursor.",
    });
  }
  return withPostgres(source.connection!, "source", context, async (client) => {
    const columns = await columnsOf(client, source);
    const from = range.from?.text ?? null;
    const { dataset, until } = await (from === null
      ? readTable(client, source, columns, context)
      : readLog(client, source, columns, from, context));
    return {
      dataset: { ...dataset, replication: await slotOf(client, source, context) },
      until: { type: "state", text: until },
    };
  });
};

/** What a change says beside the row's own columns. */
const marks = [
  { name: "_op", type: "VARCHAR" },
  { name: "_deleted", type: "BOOLEAN" },
  { name: "_lsn", type: "UBIGINT" },
] as const;

interface Reading {
  readonly dataset: Dataset;
  /** Where the next reading begins. */
  readonly until: string;
}

function requestOf(source: Source): ChangesRequest {
  return source.request as unknown as ChangesRequest;
}

async function columnsOf(client: PostgresClient, source: Source): Promise<readonly ReadingColumn[]> {
  const table = quoteIdentifier(...requestOf(source).table);
  const { fields } = await client.query(`select * from ${table} limit 0`);
  return fields.map((field) => {
    const column = readingColumn(field);
    // Lists, bytes and such come as the text that PostgreSQL prints: the log has nothing else.
    if (/\[\]$|^BLOB$/.test(column.type)) {
      return { name: field.name, type: "VARCHAR", select: `${quoteIdentifier(field.name)}::text`, ordered: false };
    }
    return column;
  });
}

/** Makes the slot, then reads the table: what is committed between the two is read twice, and merged to the same rows. */
async function readTable(
  client: PostgresClient,
  source: Source,
  columns: readonly ReadingColumn[],
  context: SourceContext,
): Promise<Reading> {
  const { table, slot, publication } = requestOf(source);
  const { rows: known } = await client.query("select active from pg_replication_slots where slot_name = $1", [slot]);
  if (known[0]?.[0] === "t") {
    throw new SluiceError("SOURCE_UNAVAILABLE", `The replication slot "${slot}" is in use by another reader`, {
      hint: "Give this one a slot of its own: changes(table, { slot }).",
      retryable: true,
    });
  }
  // One without a position is of a first reading that wasn't loaded.
  if (known.length > 0) await client.query("select pg_drop_replication_slot($1)", [slot]);
  const { rows: published } = await client.query("select 1 from pg_publication where pubname = $1", [publication]);
  if (published.length === 0)
    await client.query(`create publication ${quoteIdentifier(publication)} for table ${quoteIdentifier(...table)}`);
  const { rows } = await client.query(
    "select lsn::text, (lsn - '0/0'::pg_lsn)::text from pg_create_logical_replication_slot($1, 'pgoutput')",
    [slot],
  );
  const [lsn, number] = rows[0] as [string, string];
  await client.query(`begin transaction isolation level repeatable read, read only; ${textSettings}`);
  const constant = [quoteLiteral("read"), "false", number];
  const all = [...columns, ...marks.map((mark, index) => ({ ...mark, select: constant[index]!, ordered: false }))];
  const dataset = await copyRows(client, { from: `${quoteIdentifier(...table)} as q`, columns: all }, "", context);
  await client.query("commit");
  return { dataset, until: lsn };
}

async function readLog(
  client: PostgresClient,
  source: Source,
  columns: readonly ReadingColumn[],
  from: string,
  context: SourceContext,
): Promise<Reading> {
  const { slot, publication } = requestOf(source);
  const { rows } = await client.query(
    `select confirmed_flush_lsn > $2::pg_lsn, confirmed_flush_lsn < $2::pg_lsn, wal_status = 'lost', pg_current_wal_flush_lsn()::text
       from pg_replication_slots where slot_name = $1`,
    [slot, from],
  );
  const [ahead, behind, lost, until] = rows[0] ?? [];
  if (rows.length === 0 || ahead === "t" || lost === "t")
    throw gone(source, rows.length === 0 ? "is gone" : "has moved on");
  // What is in the table is acknowledged now, and not before.
  if (behind === "t") await client.query("select pg_replication_slot_advance($1, $2::pg_lsn)", [slot, from]);
  await client.query(`begin; ${textSettings}`);
  await client.query(
    `declare sluice_changes no scroll cursor for select (lsn - '0/0'::pg_lsn)::text, data
       from pg_logical_slot_peek_binary_changes(${quoteLiteral(slot)}, ${quoteLiteral(until!)}, null,
              'proto_version', '1', 'publication_names', ${quoteLiteral(quoteIdentifier(publication))})`,
  );
  const all = [...columns.map(({ name, type }) => ({ name, type })), ...marks];
  const dataset = await writeRows(await context.session(), context.artifacts, all, changed(client, source, columns));
  await client.query("commit");
  return { dataset, until: until! };
}

type ChangeRow = Readonly<Record<string, string | null>>;

async function* changed(
  client: PostgresClient,
  source: Source,
  columns: readonly ReadingColumn[],
): AsyncGenerator<ChangeRow[]> {
  const relations = new Map<number, Relation>();
  const names = new Set(columns.map(({ name }) => name));
  for (;;) {
    const { rows } = await client.query("fetch forward 2048 from sluice_changes");
    const batch: ChangeRow[] = [];
    for (const [lsn, data] of rows) {
      const message = parseMessage(Buffer.from(data!.slice(2), "hex"));
      if (message.type === "other") continue;
      if (message.type === "relation") relations.set(message.relation.id, message.relation);
      else if (message.type === "truncate") {
        if (message.relations.some((id) => isOurs(relations.get(id), source))) throw truncated(source);
      } else if (isOurs(relations.get(message.relation), source)) {
        batch.push(...rowsOf(message, relations.get(message.relation)!, lsn!, names, source));
      }
    }
    if (batch.length > 0) yield batch;
    if (rows.length === 0) return;
  }
}

/** A publication may have other tables, too. */
function isOurs(relation: Relation | undefined, source: Source): boolean {
  const { table } = requestOf(source);
  return (
    relation !== undefined && relation.name === table.at(-1) && (table.length === 1 || relation.schema === table[0])
  );
}

/** One row for a change; two where an update gave a row another key. */
function rowsOf(
  change: RowChange,
  { columns }: Relation,
  lsn: string,
  names: ReadonlySet<string>,
  source: Source,
): ChangeRow[] {
  const mark = { _op: change.type, _lsn: lsn };
  const old =
    change.old === null ? null : { ...valuesOf(columns, change.old, null, names, source), ...mark, _deleted: "true" };
  if (change.new === null) return [old!];
  const now = { ...valuesOf(columns, change.new, change.old, names, source), ...mark, _deleted: "false" };
  const moved =
    old !== null && columns.some(({ name, key }) => key && (old as ChangeRow)[name] !== (now as ChangeRow)[name]);
  return moved ? [{ ...old, _op: "delete" }, now] : [now];
}

function valuesOf(
  columns: Relation["columns"],
  values: readonly SentValue[],
  before: readonly SentValue[] | null,
  names: ReadonlySet<string>,
  source: Source,
): Record<string, string | null> {
  const row: Record<string, string | null> = {};
  for (const [index, { name }] of columns.entries()) {
    if (!names.has(name)) continue;
    const value = values[index] === unchanged ? before?.[index] : values[index];
    if (value === unchanged || value === undefined) throw notSent(source, name);
    row[name] = value;
  }
  return row;
}

/** How much of its log the server keeps for the slot; said loudly where it is much. */
async function slotOf(
  client: PostgresClient,
  source: Source,
  { log }: SourceContext,
): Promise<{ readonly slot: string; readonly retainedBytes: number }> {
  const { slot } = requestOf(source);
  const { rows } = await client.query(
    "select (pg_current_wal_lsn() - restart_lsn)::text from pg_replication_slots where slot_name = $1",
    [slot],
  );
  const retainedBytes = Number(rows[0]?.[0] ?? 0);
  if (retainedBytes > loudBytes)
    log.warn(
      `The slot "${slot}" keeps ${Math.round(retainedBytes / 2 ** 20)} MiB of the server's log: a slot that nobody reads fills its disk`,
    );
  return { slot, retainedBytes };
}

const loudBytes = 2 ** 30;

function gone(source: Source, what: string): SluiceError {
  const { slot } = requestOf(source);
  return new SluiceError(
    "SOURCE_MALFORMED",
    `The replication slot "${slot}" of connection "${source.connection!.name}" ${what}: changes are missing`,
    {
      hint: "Delete the reader's row in _sluice_positions: the next run reads the whole table, with a new slot.",
      details: { slot },
    },
  );
}

function truncated(source: Source): SluiceError {
  return new SluiceError(
    "SOURCE_MALFORMED",
    `The table ${requestOf(source).table.join(".")} was truncated, which says nothing of single rows`,
    {
      hint: "Empty the destination and delete the reader's row in _sluice_positions: the next run reads the table as it is.",
    },
  );
}

function notSent(source: Source, column: string): SluiceError {
  const table = quoteIdentifier(...requestOf(source).table);
  return new SluiceError(
    "SOURCE_MALFORMED",
    `The log has no value of "${column}" for a row whose other columns were changed: it is large, and was left out`,
    {
      hint: `alter table ${table} replica identity full; then delete the reader's row in _sluice_positions, to read the table anew.`,
    },
  );
}
