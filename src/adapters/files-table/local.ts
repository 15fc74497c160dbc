// Tables of files in a folder of this machine: the sink, and their rows as a source.
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import type { Connection } from "../../config.ts";
import type { Sink } from "../../connect/sink.ts";
import type { SourceAdapter } from "../../connect/source.ts";
import { writeQuery } from "../../dataset/write-dataset.ts";
import { SluiceError } from "../../errors.ts";
import { folderStorage, tableFolders } from "./folder.ts";
import { relation } from "./read.ts";
import { createFilesSink, type TablePlace } from "./sink.ts";

/** Loads into tables of the vendor "folder". */
export const folderSink: Sink = createFolderSink();

/** The same; `onStep` is called after everything that stays when the process dies. */
export function createFolderSink(onStep?: (step: string) => void): Sink {
  return createFilesSink(async ({ connection, name }, context) => placeOf(connection, name, context.folder, onStep));
}

/** Reads tables of the vendor "folder". */
export const folderSource: SourceAdapter = async ({ connection, request }, context) => {
  context.signal.throwIfAborted();
  const table = request["table"] as string;
  const place = placeOf(connection!, table, context.folder);
  const manifest = await place.storage.latest();
  if (manifest === null) throw noTable(connection!.name, table);
  const session = await context.session();
  return place.reading(manifest, (path) =>
    writeQuery(session, context.artifacts, relation(manifest, path), { columns: manifest.columns }),
  );
};

export function noTable(connection: string, table: string): SluiceError {
  return new SluiceError("SOURCE_MISSING", `There is no table "${table}" in ${connection}`, {
    hint: "Nothing has been loaded into it yet.",
    details: { table },
  });
}

function placeOf(connection: Connection, table: string, home: string, onStep?: (step: string) => void): TablePlace {
  const own = connection.settings["folder"] as string;
  const folders = tableFolders(isAbsolute(own) ? own : resolve(home, own), table);
  return {
    storage: folderStorage(folders, onStep),
    format: connection.settings["format"] as string,
    reading: (_manifest, read) => read((name) => join(folders.data, name)),
    temporary: (suffix) => join(tmpdir(), `sluice-${randomUUID()}${suffix}`),
  };
}
