// What the code of steps is handed in a worker: one object that satisfies every room. Here, and in the other files of
// this folder, adapters are named. Everything is opened when it is first asked for.
import { csvSource } from "../adapters/csv/source.ts";
import { openArtifactStore } from "../adapters/file-system/artifact-store.ts";
import { httpSource } from "../adapters/http/source.ts";
import { lakeSink } from "../adapters/lake/sink.ts";
import { lakeSource } from "../adapters/lake/source.ts";
import { postgresSink } from "../adapters/postgres/sink.ts";
import { postgresSource } from "../adapters/postgres/source.ts";
import { openOnlineStore } from "../adapters/sqlite/online-store.ts";
import { openQuarantineStore } from "../adapters/sqlite/quarantine-store.ts";
import { sqliteSource } from "../adapters/sqlite/source.ts";
import { openVectorStore } from "../adapters/sqlite/vector-store.ts";
import { isSecret, resolveSetting } from "../config.ts";
import type { ConnectNeeds } from "../connect/needs.ts";
import { openSession, type Session } from "../dataset/session.ts";
import type { TransformNeeds } from "../dataset/transform.ts";
import type { FeatureNeeds } from "../features/materialize.ts";
import type { Redactor } from "../log.ts";
import type { QualityNeeds } from "../quality/needs.ts";
import type { RetrievalNeeds } from "../retrieval/sync.ts";
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

export interface Services extends ConnectNeeds, TransformNeeds, QualityNeeds, FeatureNeeds, RetrievalNeeds {
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
  const indexes = new Map<string, ReturnType<typeof openVectorStore>>();
  const quarantine = once(() => openQuarantineStore(home.quarantine));
  const online = once(() => openOnlineStore(home.features));
  return {
    home: home.folder,
    artifacts: openArtifactStore({ artifacts: home.artifacts, temporary: home.temporary }),
    session,
    interrupt: () => opened?.interrupt(),
    get quarantine() {
      return quarantine();
    },
    get online() {
      return online();
    },
    vectors: async (name) => {
      const store = indexes.get(name) ?? openVectorStore(indexFile(home, name));
      indexes.set(name, store);
      return store;
    },
    resolve: (setting) => {
      const value = resolveSetting(setting, folder);
      if (isSecret(setting)) redactor.add(value);
      return value;
    },
    sources: { csv: csvSource, http: httpSource, lake: lakeSource, postgres: postgresSource, sqlite: sqliteSource },
    sinks: { lake: lakeSink, postgres: postgresSink },
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}
