// Reads queries and tables of MySQL and MariaDB: all of them, in one snapshot, types and values exactly.
import type { Source, SourceAdapter, SourceContext } from "../../connect/source.ts";
import type { Dataset } from "../../dataset/dataset.ts";
import { copyRows, describe, inSnapshot } from "./reading.ts";

/** Reads sources of the vendor "mysql". */
export const mysqlSource: SourceAdapter = (source: Source, context: SourceContext): Promise<Dataset> =>
  inSnapshot(source, context, async (client) => copyRows(client, await describe(client, source), "", context));
