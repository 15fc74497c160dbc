// Reads a query over the tables of an embedded warehouse as a dataset, all tables as of one commit.
import type { Source, SourceAdapter, SourceContext } from "../../connect/source.ts";
import type { Dataset } from "../../dataset/dataset.ts";
import { writeQuery } from "../../dataset/write-dataset.ts";
import { isSluiceError, SluiceError } from "../../errors.ts";
import { lakeFolder } from "./catalog.ts";
import { attachLake, lakeTables } from "./read.ts";

/** Its name in the session while a query runs. */
const attached = "sluice_lake";

/** The adapter of the vendor "lake". */
export const lakeSource: SourceAdapter = async (source: Source, context: SourceContext): Promise<Dataset> => {
  context.signal.throwIfAborted();
  const connection = source.connection!;
  const query = source.request["query"] as string;
  const folder = lakeFolder(connection, context);
  const session = await context.session();
  try {
    await session.run([...attachLake(folder, attached, query), `USE ${attached}`].join(";\n"));
    return await writeQuery(session, context.artifacts, query);
  } catch (error) {
    throw named(error, connection.name, folder);
  } finally {
    await session.run(`USE memory; DETACH DATABASE IF EXISTS ${attached}`);
  }
};

function named(error: unknown, connection: string, folder: string): unknown {
  const table = isSluiceError(error) ? /Table with name (\S+) does not exist/.exec(error.message)?.[1] : undefined;
  if (table === undefined) return error;
  const tables = lakeTables(folder).map(({ name }) => name);
  return new SluiceError("SOURCE_MISSING", `There is no table "${table}" in ${connection}`, {
    hint: tables.length === 0 ? "Nothing has been loaded into it yet." : `It has ${tables.join(", ")}.`,
    details: { table, tables },
    cause: error,
  });
}
