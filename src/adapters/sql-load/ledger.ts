// The tables `_sluice_loads` and `_sluice_positions` beside the loaded tables: which loads they hold, and how far what those
// brought was read; written in the transaction of the load itself.
import { checkUnmoved } from "../../connect/position.ts";
import type { LoadRequest } from "../../connect/sink.ts";
import { SluiceError } from "../../errors.ts";
import type { Json } from "../../json.ts";
import type { Destination } from "./destination.ts";

export async function createLedgers({ dialect, types, loads, positions, ...destination }: Destination): Promise<void> {
  const column = (name: string, type: string): string => `${dialect.quote(name)} ${type} NOT NULL`;
  const create = (table: string, columns: readonly string[], key: readonly string[]): string =>
    `CREATE TABLE IF NOT EXISTS ${table} (${columns.join(", ")}, PRIMARY KEY (${key.map((name) => dialect.quote(name)).join(", ")}))`;
  await destination.execute(
    create(
      loads,
      [
        column("table_name", types.text),
        column("load_key", types.text),
        column("partition", types.text),
        column("fence", types.integer),
        column("rows", types.integer),
      ],
      ["table_name", "load_key"],
    ),
  );
  await destination.execute(
    create(
      positions,
      [column("table_name", types.text), column("reader", types.text), column("position", types.long)],
      ["table_name", "reader"],
    ),
  );
}

/** The rows of this load when it has been done before; null when it is to be done. Throws FENCED when it was overtaken. */
export async function findEarlier(destination: Destination, request: LoadRequest): Promise<number | null> {
  const { dialect, loads, name } = destination;
  const of = `${dialect.quote("table_name")} = ${dialect.text(name)}`;
  const highest = await destination.value(
    `SELECT max(${dialect.quote("fence")}) FROM ${loads} WHERE ${of} AND ${dialect.quote("partition")} = ${dialect.text(request.partition ?? "")}`,
  );
  if (highest !== null && Number(highest) > request.fence) throw fenced(request, Number(highest));
  const same = `${of} AND ${dialect.quote("load_key")} = ${dialect.text(request.loadKey)}`;
  const loaded = await destination.value(`SELECT ${dialect.quote("rows")} FROM ${loads} WHERE ${same}`);
  if (loaded === null) return null;
  // A replay counts as seen: whoever is older than it has been overtaken.
  await destination.execute(
    `UPDATE ${loads} SET ${dialect.quote("fence")} = ${request.fence} WHERE ${same} AND ${dialect.quote("fence")} < ${request.fence}`,
  );
  return Number(loaded);
}

export async function recordLoad(
  { dialect, loads, name, ...destination }: Destination,
  { loadKey, partition, fence }: LoadRequest,
  loaded: number,
): Promise<void> {
  const columns = ["table_name", "load_key", "partition", "fence", "rows"].map((column) => dialect.quote(column));
  const values = [dialect.text(name), dialect.text(loadKey), dialect.text(partition ?? ""), fence, loaded];
  await destination.execute(`INSERT INTO ${loads} (${columns.join(", ")}) VALUES (${values.join(", ")})`);
}

/** What the last load stored for this reader; null for nothing. */
export async function storedPosition(
  { dialect, positions, name, value }: Pick<Destination, "dialect" | "positions" | "name" | "value">,
  reader: string,
): Promise<Json> {
  const text = await value(
    `SELECT ${dialect.quote("position")} FROM ${positions} WHERE ${dialect.quote("table_name")} = ${dialect.text(name)} AND ${dialect.quote("reader")} = ${dialect.text(reader)}`,
  );
  return text === null ? null : (JSON.parse(text) as Json);
}

/** Throws FENCED for a position that has been moved; the load holds the table, so nobody moves one from here on. */
export async function checkPositions(destination: Destination, { positions = [] }: LoadRequest): Promise<void> {
  for (const position of positions) checkUnmoved(await storedPosition(destination, position.reader), position);
}

export async function storePositions(
  { dialect, positions: table, name, ...destination }: Destination,
  { positions = [] }: LoadRequest,
): Promise<void> {
  for (const { reader, to } of positions) {
    const [named, by] = [dialect.quote("table_name"), dialect.quote("reader")];
    const [ofTable, ofReader] = [dialect.text(name), dialect.text(reader)];
    await destination.execute(`DELETE FROM ${table} WHERE ${named} = ${ofTable} AND ${by} = ${ofReader}`);
    await destination.execute(
      `INSERT INTO ${table} (${named}, ${by}, ${dialect.quote("position")}) VALUES (${ofTable}, ${ofReader}, ${dialect.text(JSON.stringify(to))})`,
    );
  }
}

/** The error for a load that another has overtaken. */
function fenced({ table, partition, fence }: LoadRequest, highest: number): SluiceError {
  const asset = `${table.connection.name}.${table.name}`;
  return new SluiceError(
    "FENCED",
    `A newer load of ${asset}${partition === null ? "" : `, partition ${partition}`}, has been committed`,
    { hint: "Nothing was written; the newer load's rows stand.", details: { fence, highest } },
  );
}
