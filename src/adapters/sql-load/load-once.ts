// The order of a load into a database: has it been done, has it been overtaken, does the table fit; then the rows, the key of
// the load and the positions in one transaction. The vendor's sink only says how each is written.
import type { LoadRequest } from "../../connect/sink.ts";
import { SluiceError } from "../../errors.ts";
import { applyMerge, applyRetain } from "./apply.ts";
import type { Destination } from "./destination.ts";
import { checkPositions, createLedgers, findEarlier, recordLoad, storePositions } from "./ledger.ts";
import { partitionColumn } from "./own-columns.ts";
import type { StagedRows } from "./staged-rows.ts";
import { clearing, inserting, type LoadedColumn } from "./statements.ts";
import { tableChanges, unmarked } from "./table-changes.ts";

/** Returns how many rows of this load the table has. */
export async function loadOnce(
  destination: Destination,
  request: LoadRequest,
  staged: StagedRows,
  signal: AbortSignal,
): Promise<{ readonly loaded: number }> {
  await destination.begin();
  try {
    await createLedgers(destination);
    const earlier = await findEarlier(destination, request);
    if (earlier !== null) {
      await destination.commit();
      return { loaded: earlier };
    }
    await checkPositions(destination, request);
    const loaded = await writeRows(destination, request, staged, signal);
    await storePositions(destination, request);
    await recordLoad(destination, request, loaded);
    signal.throwIfAborted();
    await destination.commit();
    return { loaded };
  } catch (error) {
    // What failed is the error, not that it could not be undone as well: a lost connection undoes it.
    await destination.rollback().catch(() => {});
    throw error;
  }
}

async function writeRows(
  destination: Destination,
  request: LoadRequest,
  staged: StagedRows,
  signal: AbortSignal,
): Promise<number> {
  const { write, partition } = request;
  const { dialect, target } = destination;
  const present = await destination.presentColumns();
  if (present === null && typeof write === "object" && write.by === "retain") {
    await destination.schemaDone();
    return 0;
  }
  const columns = await prepareTable(destination, request, staged);
  const source = await destination.stage(columns);
  signal.throwIfAborted();
  await destination.schemaDone();
  const shape = { target, staged: source, columns, partition };
  if (typeof write === "object") {
    return write.by === "merge"
      ? applyMerge(destination, request, write, shape, dialect)
      : applyRetain(destination, request, write, shape, dialect);
  }
  const there = Number(await destination.value(`SELECT count(*) FROM ${source} AS s`));
  if (there !== request.dataset.rows) throw incomplete(request, there);
  const clear = clearing(write, target, partition, dialect);
  if (clear !== null) await destination.execute(clear);
  if (request.dataset.rows > 0) await destination.execute(inserting(shape, "1 = 1", dialect));
  return request.dataset.rows;
}

function incomplete({ table, dataset }: LoadRequest, there: number): SluiceError {
  return new SluiceError(
    "SINK_UNAVAILABLE",
    `Of ${dataset.rows} rows for ${table.connection.name}.${table.name}, ${there} arrived; nothing was written`,
    { retryable: true, hint: "Load them again." },
  );
}

async function prepareTable(
  destination: Destination,
  request: LoadRequest,
  { columns }: StagedRows,
): Promise<readonly LoadedColumn[]> {
  const { dialect, types, target } = destination;
  const present = await destination.presentColumns();
  const changes = tableChanges(present, request, columns, types);
  const own = changes.own.map((name) => `${dialect.quote(name)} ${name === partitionColumn ? types.text : types.time}`);
  const added = [
    ...changes.added.map((column) => `${dialect.quote(column.name)} ${types.loadingType(column)}`),
    ...own,
  ];
  if (changes.missing) {
    await destination.execute(`CREATE TABLE ${target} (${added.join(", ")})`);
    const indexed = [[partitionColumn], ...(typeof request.write === "object" ? [request.write.key] : [])];
    for (const names of indexed) {
      const statement = destination.indexing(names);
      if (statement !== null) await destination.execute(statement);
    }
  } else {
    if (changes.own.includes(partitionColumn)) await checkUnmarked(destination, request);
    for (const column of added) await destination.execute(`ALTER TABLE ${target} ADD COLUMN ${column}`);
    for (const column of changes.widened)
      await destination.execute(destination.widening(column.name, types.loadingType(column)));
  }
  const natives = new Map(present?.map(({ name, type }) => [name, type]));
  for (const column of [...changes.added, ...changes.widened]) natives.set(column.name, types.loadingType(column));
  return columns.map(({ name }) => ({ name, native: natives.get(name)! }));
}

async function checkUnmarked({ target, ...destination }: Destination, request: LoadRequest): Promise<void> {
  if (request.write !== "replace-partition") return;
  if ((await destination.value(`SELECT count(*) FROM ${target}`)) === "0") return;
  throw unmarked(
    request,
    `alter table ${target} add column ${partitionColumn} ${destination.types.text}; update ${target} set ${partitionColumn} = …`,
  );
}
