// Reads queries and tables of a SQLite file: all of them, in one state of the file, every value exactly.
import type { Source, SourceAdapter, SourceContext } from "../../connect/source.ts";
import type { Dataset } from "../../dataset/dataset.ts";
import { withFile } from "./reading.ts";

/** Reads sources of the vendor "sqlite". */
export const sqliteSource: SourceAdapter = (source: Source, context: SourceContext): Promise<Dataset> =>
  withFile(source, context, async (file, query) => (await file.read(query)).dataset);
