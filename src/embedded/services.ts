// What the code of steps is handed in a worker: one object that satisfies every room. Here, and in the other files of
// this folder, adapters are named. Everything is opened when it is first asked for.
import { openArtifactStore } from "../adapters/file-system/artifact-store.ts";
import { openMeasurementStore } from "../adapters/sqlite/measurement-store.ts";
import { openOnlineStore } from "../adapters/sqlite/online-store.ts";
import { openProfileStore } from "../adapters/sqlite/profile-store.ts";
import { openQuarantineStore } from "../adapters/sqlite/quarantine-store.ts";
import { isSecret, resolveSetting } from "../config.ts";
import type { ConnectNeeds } from "../connect/needs.ts";
import type { FileSet, RangeReader, SourceAdapter } from "../connect/source.ts";
import { openSession, type Session } from "../dataset/session.ts";
import type { TransformNeeds } from "../dataset/transform.ts";
import type { FeatureNeeds } from "../features/materialize.ts";
import type { Redactor } from "../log.ts";
import type { QualityNeeds } from "../quality/needs.ts";
import type { RetrievalNeeds } from "../retrieval/sync.ts";
import type { VectorStore } from "../retrieval/vector-store.ts";
import { indexFile, type Home } from "./home.ts";

export interface ServiceOptions {
  readonly home: Home;
  /** The project's folder: relative paths in settings start here. */
  readonly folder: string;
  /** Memory for the query engine, such as "4096MB". */
  readonly memory: string;
  /** Learns every value that came from a reference. */
  readonly redactor: Redactor;
}

export interface Services
  extends Omit<ConnectNeeds, "quarantine">, TransformNeeds, QualityNeeds, FeatureNeeds, RetrievalNeeds {
  /** Stops the query that is running, if one is. */
  interrupt(): void;
}

export function createServices({ home, folder, memory, redactor }: ServiceOptions): Services {
  let opened: Session | null = null;
  const open = once(async () => (opened = await openSession({ temporaryFolder: home.temporary, memory })));
  const session = async (): Promise<Session> => {
    const ready = await open();
    // What the step before knew of its rows says nothing about this one's.
    ready.expect(null);
    return ready;
  };
  const indexes = new Map<string, VectorStore>();
  const quarantine = once(() => openQuarantineStore(home.quarantine));
  const measurements = once(() => openMeasurementStore(home.measurements));
  const profiles = once(() => openProfileStore(home.profiles));
  const online = once(() => openOnlineStore(home.features));
  return {
    home: home.folder,
    artifacts: openArtifactStore({ artifacts: home.artifacts, temporary: home.temporary }),
    session,
    interrupt: () => opened?.interrupt(),
    get quarantine() {
      return quarantine();
    },
    get measurements() {
      return measurements();
    },
    get profiles() {
      return profiles();
    },
    get online() {
      return online();
    },
    vectors: async (name) => {
      const { openVectorStore } = await import("../adapters/sqlite/vector-store.ts");
      const store = indexes.get(name) ?? openVectorStore(indexFile(home, name));
      indexes.set(name, store);
      return store;
    },
    resolve: (setting) => {
      const value = resolveSetting(setting, folder);
      if (isSecret(setting)) redactor.add(value);
      return value;
    },
    sources,
    ranges,
    files,
    sinks,
  };
}

// Adapters are loaded when a step first needs them: a worker keeps no more in memory than its steps use.
const sources = {
  csv: source(async () => (await import("../adapters/csv/source.ts")).csvSource),
  excel: source(async () => (await import("../adapters/excel/source.ts")).excelSource),
  folder: source(async () => (await import("../adapters/files-table/local.ts")).folderSource),
  json: source(async () => (await import("../adapters/json/source.ts")).jsonSource),
  parquet: source(async () => (await import("../adapters/parquet/source.ts")).parquetSource),
  http: source(async () => (await import("../adapters/http/source.ts")).httpSource),
  inbox: source(async () => (await import("../adapters/inbox/source.ts")).inboxSource),
  lake: source(async () => (await import("../adapters/lake/source.ts")).lakeSource),
  mysql: source(async () => (await import("../adapters/mysql/source.ts")).mysqlSource),
  postgres: source(async () => (await import("../adapters/postgres/source.ts")).postgresSource),
  s3: source(async () => (await import("../adapters/s3/source.ts")).s3Source),
  singer: source(async () => (await import("../adapters/singer/source.ts")).singerSource),
  sqlite: source(async () => (await import("../adapters/sqlite/source.ts")).sqliteSource),
};
const ranges: Readonly<Record<string, RangeReader>> = {
  mysql: range(async () => (await import("../adapters/mysql/range.ts")).mysqlRange),
  http: range(async () => (await import("../adapters/http/range.ts")).httpRange),
  singer: range(async () => (await import("../adapters/singer/source.ts")).singerRange),
  inbox: range(async () => (await import("../adapters/inbox/source.ts")).inboxRange),
  postgres: range(async () => (await import("../adapters/postgres/range.ts")).postgresRange),
  postgres_changes: range(async () => (await import("../adapters/postgres/changes.ts")).postgresChanges),
  sqlite: range(async () => (await import("../adapters/sqlite/range.ts")).sqliteRange),
};
const files = {
  csv: fileSet(async () => (await import("../adapters/csv/source.ts")).csvFiles),
  excel: fileSet(async () => (await import("../adapters/excel/source.ts")).excelFiles),
  json: fileSet(async () => (await import("../adapters/json/source.ts")).jsonFiles),
  parquet: fileSet(async () => (await import("../adapters/parquet/source.ts")).parquetFiles),
  s3: fileSet(async () => (await import("../adapters/s3/source.ts")).s3Files),
};
const sinks: ConnectNeeds["sinks"] = {
  folder: async () => (await import("../adapters/files-table/local.ts")).folderSink,
  http: async () => (await import("../adapters/http/sink.ts")).httpSink,
  duckdb: async () => (await import("../adapters/duckdb/sink.ts")).duckdbSink,
  lake: async () => (await import("../adapters/lake/sink.ts")).lakeSink,
  mysql: async () => (await import("../adapters/mysql/sink.ts")).mysqlSink,
  postgres: async () => (await import("../adapters/postgres/sink.ts")).postgresSink,
  s3: async () => (await import("../adapters/s3/sink.ts")).s3Sink,
  sqlite: async () => (await import("../adapters/sqlite/sink.ts")).sqliteSink,
};

function source(load: () => Promise<SourceAdapter>): SourceAdapter {
  return async (request, context) => (await load())(request, context);
}

function range(load: () => Promise<RangeReader>): RangeReader {
  return async (...given) => (await load())(...given);
}

function fileSet(load: () => Promise<FileSet>): FileSet {
  return {
    list: async (...given) => (await load()).list(...given),
    read: async (...given) => (await load()).read(...given),
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}
