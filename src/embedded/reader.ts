// Reads everything that is stored of a project, beside whatever process works on it. It runs no code of the user's,
// creates no file, and says "nothing" where nothing has been stored yet. Stores are opened when they are first asked for.
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openOnlineStore } from "../adapters/sqlite/online-store.ts";
import { openProfileStore } from "../adapters/sqlite/profile-store.ts";
import { openQuarantineStore } from "../adapters/sqlite/quarantine-store.ts";
import { openEngineStore } from "../adapters/sqlite/engine-store.ts";
import { openVectorStore } from "../adapters/sqlite/vector-store.ts";
import { homeFolder } from "../config.ts";
import type { EngineStore } from "../engine/stores/engine-store.ts";
import { createMemoryEngineStore } from "../engine/stores/memory-engine-store.ts";
import type { RunRecord } from "../engine/stores/run-store.ts";
import { SluiceError } from "../errors.ts";
import type { OnlineStore, ViewStatus } from "../features/online-store.ts";
import { readFeatures, type EntityFeatures } from "../features/serve.ts";
import type { ProfileEntry } from "../quality/profile/profile-store.ts";
import type { QuarantineGroup, QuarantineStore, StoredQuarantinedRow } from "../quality/quarantine-store.ts";
import { searchIndex, type SearchHit } from "../retrieval/search.ts";
import type { IndexSize, VectorStore } from "../retrieval/vector-store.ts";
import { readEngineNote, type EngineNote } from "./engine-note.ts";
import { homeAt, indexFile, type Home } from "./home.ts";
import { holderOf } from "./holder.ts";

/** The reading half of an engine's store. */
export type EngineReader = Pick<
  EngineStore,
  | "plan"
  | "versions"
  | "runs"
  | "run"
  | "runByRequest"
  | "runsNamed"
  | "newestRun"
  | "steps"
  | "items"
  | "attempts"
  | "live"
  | "logs"
  | "newestUpdate"
  | "notices"
  | "noticeCounts"
  | "statistics"
  | "backlog"
  | "requests"
  | "instruction"
  | "schedules"
  | "backfill"
  | "backfills"
  | "partitionStatuses"
  | "partitionKeys"
  | "changedByOthers"
>;

export interface QuarantineFilter {
  readonly pipeline?: string;
  readonly partition?: string;
  readonly step?: string;
  /** The run that set them aside: of a step that reads on from where it was, each may have left some. */
  readonly run?: string;
  readonly limit?: number;
}

export interface Reader extends Disposable {
  readonly home: Home;
  /** What is stored of runs and of what is asked for; nothing before the first run. */
  store(): EngineReader;
  /** The run whose id is `id` or alone begins with it; NOT_FOUND otherwise. */
  findRun(id: string): Promise<RunRecord>;
  /** What the process that works on the state folder runs by, or the last one did; null before the first. */
  note(): EngineNote | null;
  /** Who works on the state folder now, as "process 123: sluice run …"; null when nobody does. */
  holder(): string | null;
  /** What lies in quarantine, by pipeline, step and partition, the newest first. */
  quarantine(filter?: QuarantineFilter): Promise<readonly QuarantineGroup[]>;
  /** Quarantined rows of a pipeline, the newest partitions first; NOT_FOUND for a pipeline that never ran. */
  quarantinedRows(pipeline: string, filter?: QuarantineFilter): Promise<readonly StoredQuarantinedRow[]>;
  /** The same, all of them, some hundred at a time. */
  quarantinedBatches(
    pipeline: string,
    filter?: Omit<QuarantineFilter, "limit">,
  ): AsyncIterable<readonly StoredQuarantinedRow[]>;
  /** What earlier runs' data looked like, of one run. */
  profiles(runId: string): Promise<readonly ProfileEntry[]>;
  /** Every materialized feature view. */
  views(): Promise<readonly ViewStatus[]>;
  /** The features of an entity; NOT_FOUND for an unknown view or key. */
  features(view: string, key: string, asOf?: string): Promise<EntityFeatures>;
  /** Names of the indexes that were synced. */
  indexes(): readonly string[];
  indexSize(index: string): Promise<IndexSize>;
  /** The chunks that answer best, best first; NOT_FOUND for an unknown index. */
  search(
    index: string,
    query: string,
    options?: { readonly limit?: number; readonly signal?: AbortSignal },
  ): Promise<readonly SearchHit[]>;
  close(): void;
}

/** @param project Path of the project's configuration file, or its folder. */
export function openReader(project: string): Reader {
  const folder = statSync(project, { throwIfNoEntry: false })?.isDirectory() === true ? project : dirname(project);
  const home = homeAt(homeFolder(folder));
  const opened = new Map<string, { readonly store: { close(): void }; readonly inode: number }>();

  /** The store in the file at `path`, opened once, and again when the file was replaced; null while it isn't there. */
  const store = <S extends { close(): void }>(path: string, open: (path: string) => S): S | null => {
    const file = statSync(path, { throwIfNoEntry: false });
    const known = opened.get(path);
    if (known !== undefined && known.inode === file?.ino) return known.store as S;
    known?.store.close();
    opened.delete(path);
    if (file === undefined || !isReady(path)) return null;
    const made = open(path);
    opened.set(path, { store: made, inode: file.ino });
    return made;
  };
  const engine = (): EngineReader => store(home.state, (path) => openEngineStore(path, { readOnly: true })) ?? nothing;
  const online = (): OnlineStore | null => store(home.features, (path) => openOnlineStore(path, { readOnly: true }));
  const setAside = (): QuarantineStore | null =>
    store(home.quarantine, (path) => openQuarantineStore(path, { readOnly: true }));
  const quarantine = async ({ step, run, limit = Number.MAX_SAFE_INTEGER, ...filter }: QuarantineFilter = {}): Promise<
    QuarantineGroup[]
  > => {
    const isAll = step === undefined && run === undefined;
    const groups = (await setAside()?.list({ ...filter, limit: isAll ? limit : Number.MAX_SAFE_INTEGER })) ?? [];
    return groups
      .filter((group) => (step === undefined || group.step === step) && (run === undefined || group.runId === run))
      .slice(0, limit);
  };
  const indexes = (): string[] => {
    if (!existsSync(home.indexes)) return [];
    return readdirSync(home.indexes)
      .filter((name) => name.endsWith(".db"))
      .map((name) => basename(name, ".db"))
      .sort();
  };
  const index = (name: string): VectorStore => {
    const known = indexes();
    const found = known.includes(name)
      ? store(indexFile(home, name), (path) => openVectorStore(path, { readOnly: true }))
      : null;
    if (found !== null) return found;
    throw new SluiceError("NOT_FOUND", `There is no index "${name}"`, {
      hint:
        known.length === 0
          ? "None was synced yet: run a pipeline with a sync step first."
          : `There is ${known.join(", ")}.`,
      details: { index: name, known },
    });
  };
  const close = (): void => {
    for (const { store } of opened.values()) store.close();
    opened.clear();
  };

  return {
    home,
    store: engine,
    findRun: (id) => findRun(engine(), id),
    note: () => readEngineNote(home),
    holder: () => holderOf(home),
    quarantine,
    quarantinedRows: async (pipeline, { limit = 50, ...filter } = {}) => {
      const groups = await quarantine({ ...filter, pipeline });
      if (groups.length === 0 && (await engine().runs({ pipeline, limit: 1 })).length === 0) throw neverRun(pipeline);
      const rows: StoredQuarantinedRow[] = [];
      for (const { partition, step, runId: run } of groups) {
        if (rows.length >= limit) break;
        rows.push(...(await setAside()!.show({ pipeline, partition, step, run, limit: limit - rows.length })));
      }
      return rows;
    },
    quarantinedBatches: async function* (pipeline, filter = {}) {
      const groups = await quarantine({ ...filter, pipeline });
      if (groups.length === 0 && (await engine().runs({ pipeline, limit: 1 })).length === 0) throw neverRun(pipeline);
      for (const { partition, step, runId: run } of groups) {
        for (let after = 0; ;) {
          const page = await setAside()!.show({ pipeline, partition, step, run, after, limit: 500 });
          if (page.length === 0) break;
          after = page.at(-1)!.id;
          yield page;
        }
      }
    },
    profiles: async (runId) =>
      (await store(home.profiles, (path) => openProfileStore(path, { readOnly: true }))?.ofRun(runId)) ?? [],
    views: async () => (await online()?.views()) ?? [],
    features: async (view, key, asOf) => {
      const known = online();
      if (known === null) throw unknownView(view);
      const found = await readFeatures(known, view, key, asOf === undefined ? {} : { asOf });
      if (found !== null) return found;
      throw new SluiceError(
        "NOT_FOUND",
        `The feature view "${view}" has nothing about "${key}"${asOf === undefined ? "" : ` as of ${asOf}`}`,
        {
          hint: "Check the key; an entity is there once an event of it was materialized.",
          details: { view, key },
        },
      );
    },
    indexes,
    indexSize: (name) => index(name).size(),
    search: (name, query, options = {}) => searchIndex(index(name), query, options),
    close,
    [Symbol.dispose]: close,
  };
}

/** What a project has before its first run. */
const nothing: EngineReader = createMemoryEngineStore();

/** Has the process that makes this file come so far that its tables are there? */
function isReady(path: string): boolean {
  const database = new DatabaseSync(path, { readOnly: true, timeout: 10_000 });
  try {
    return (database.prepare("PRAGMA user_version").get() as { user_version: number }).user_version > 0;
  } finally {
    database.close();
  }
}

async function findRun(store: EngineReader, id: string): Promise<RunRecord> {
  const alike = id === "" ? [] : await store.runsNamed(id, 1_000);
  const found = alike.find((run) => run.id === id) ?? (alike.length === 1 ? alike[0] : undefined);
  if (found !== undefined) return found;
  if (alike.length > 1) {
    const shown = alike.slice(0, 3).map((run) => run.id);
    throw new SluiceError(
      "NOT_FOUND",
      `${alike.length === 1_000 ? "1,000 or more" : alike.length} runs begin with "${id}"`,
      {
        hint: `Give more of the id: ${shown.join(", ")}${alike.length > 3 ? " …" : ""}`,
      },
    );
  }
  const none = (await store.runs({ limit: 1 })).length === 0;
  throw new SluiceError("NOT_FOUND", `There is no run "${id}"`, {
    hint: none ? "Nothing has been run yet: sluice run PIPELINE" : "See: sluice runs",
  });
}

function neverRun(pipeline: string): SluiceError {
  return new SluiceError("NOT_FOUND", `No run of a pipeline "${pipeline}" is stored`, { hint: "See: sluice list" });
}

function unknownView(view: string): SluiceError {
  return new SluiceError("NOT_FOUND", `There is no feature view "${view}"`, {
    hint: "None was materialized yet: run a pipeline with a materialize step first.",
  });
}
