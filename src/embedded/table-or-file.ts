// Opens a table of the project's connections, or a file, for reading: what commands look into that are given either.
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { openArtifactStore } from "../adapters/file-system/artifact-store.ts";
import { systemClock } from "../clock.ts";
import { homeFolder, resolveSetting, unknownConnection } from "../config.ts";
import { csv } from "../connect/csv.ts";
import type { ArtifactStore } from "../dataset/artifact-store.ts";
import type { Column } from "../dataset/dataset.ts";
import { openSession, type Session } from "../dataset/session.ts";
import { quoteIdentifier, quotePath } from "../dataset/sql.ts";
import { readDataset, writeQuery } from "../dataset/write-dataset.ts";
import { SluiceError } from "../errors.ts";
import { silentLog } from "../log.ts";
import { loadConfig } from "./project.ts";
import { bringTables, type QueryPlaces } from "./query-connections.ts";
import type { TableName } from "./query-tables.ts";

export interface OpenedRows {
  readonly session: Session;
  /** Where datasets made of the rows are kept, until `close`. */
  readonly artifacts: ArtifactStore;
  /** SQL that stands in a FROM clause. */
  readonly relation: string;
  readonly columns: readonly Column[];
  /** How people call it: "warehouse.sales", "orders.csv". */
  readonly title: string;
  close(): Promise<void>;
}

export interface OpenRequest {
  /** CONNECTION.TABLE, CONNECTION.SCHEMA.TABLE, or the path of a .csv, .parquet or .jsonl file (CSV also .gz or .zst). */
  readonly target: string;
  /** Relative paths start here. */
  readonly folder: string;
  /** Path of the project's configuration: needed for tables only. */
  readonly configPath: () => Promise<string>;
}

/** Opens what `target` names; NOT_FOUND or SOURCE_MISSING where there is no such thing. */
export async function openRows({ target, folder, configPath }: OpenRequest): Promise<OpenedRows> {
  const path = resolve(folder, target);
  const isFile = existsSync(path) || fileKind(path) !== null || target.includes("/");
  const temporary = await mkdtemp(join(tmpdir(), "sluice-rows-"));
  const session = await openSession({ temporaryFolder: join(temporary, "spill"), threads: availableParallelism() });
  const artifacts = openArtifactStore({ artifacts: join(temporary, "rows"), temporary: join(temporary, "making") });
  const close = async (): Promise<void> => {
    session.close();
    await rm(temporary, { recursive: true, force: true });
  };
  try {
    const relation = isFile
      ? await fileRelation(session, artifacts, path, temporary)
      : await tableRelation(session, target, await configPath(), temporary);
    const columns = await session.describe(`SELECT * FROM ${relation}`);
    return { session, artifacts, relation, columns, title: isFile ? basename(path) : target, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function fileKind(path: string): "csv" | "parquet" | "json" | null {
  if (/\.(?:csv|tsv)(?:\.(?:gz|zst))?$/i.test(path)) return "csv";
  if (/\.parquet$/i.test(path)) return "parquet";
  return /\.(?:jsonl|ndjson)(?:\.gz)?$/i.test(path) ? "json" : null;
}

async function fileRelation(session: Session, artifacts: ArtifactStore, path: string, home: string): Promise<string> {
  const kind = fileKind(path);
  if (!existsSync(path)) {
    throw new SluiceError("SOURCE_MISSING", `There is no file ${path}`, {
      hint: "Check the path, or name a table as CONNECTION.TABLE.",
    });
  }
  if (kind === "parquet") return `read_parquet([${quotePath(path)}])`;
  if (kind === "json") {
    // Parsing costs more than all that is asked of the rows, and they are asked more than once.
    const query = `SELECT * FROM read_json(${quotePath(path)}, format = 'newline_delimited')`;
    return readDataset(await writeQuery(session, artifacts, query));
  }
  if (kind === null) {
    throw new SluiceError("USAGE", `${path} is not a file that can be looked into`, {
      hint: "Give a .csv, .parquet or .jsonl file.",
    });
  }
  // By the adapter that `extract` uses, so that a field is here what it is in a pipeline.
  const { csvSource } = await import("../adapters/csv/source.ts");
  const source = csv(basename(path), /\.tsv/i.test(path) ? { delimiter: "\t" } : {});
  const dataset = await csvSource(source, {
    folder: dirname(path),
    home,
    signal: new AbortController().signal,
    log: silentLog,
    clock: systemClock,
    artifacts,
    session: async () => session,
    reject: async () => 0,
    resolve: (setting) => resolveSetting(setting, dirname(path)),
  });
  return readDataset(dataset);
}

async function tableRelation(session: Session, target: string, configPath: string, temporary: string): Promise<string> {
  const config = await loadConfig(configPath);
  const folder = dirname(configPath);
  const [connection = "", ...path] = target.split(".");
  const known = Object.values(config.connections);
  const found = known.find(({ name }) => name === connection);
  if (path.length < 1 || path.length > 2) {
    throw new SluiceError("USAGE", `"${target}" is neither a table nor a file`, {
      hint: "Write CONNECTION.TABLE, or the path of a file.",
    });
  }
  if (found === undefined)
    throw unknownConnection(
      connection,
      known.map(({ name }) => name),
    );
  const table: TableName = { connection, schema: path.length === 2 ? path[0]! : null, table: path.at(-1)! };
  const places: QueryPlaces = { folder, home: homeFolder(folder), temporary, signal: new AbortController().signal };
  await bringTables(session, found, [table], places);
  return quoteIdentifier(connection, ...path);
}
