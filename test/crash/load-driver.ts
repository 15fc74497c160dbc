// One load in a process of its own, in a test: it kills itself after the statement that it is told.
import pg from "pg";
import { postgresSink } from "../../src/adapters/postgres/sink.ts";
import { postgres } from "../../src/connect/postgres.ts";
import type { LoadRequest } from "../../src/connect/sink.ts";
import { openSession } from "../../src/dataset/session.ts";
import { silentLog } from "../../src/log.ts";
import { tellStatements } from "./statements.ts";

/** What the process is asked to do. */
export interface LoadLife {
  readonly url: string;
  readonly home: string;
  readonly table: string;
  readonly request: Omit<LoadRequest, "table">;
  /** Number of the statement after which the process is killed, from 1. */
  readonly killAfter: number;
}

const life = JSON.parse(process.argv[2]!) as LoadLife;
tellStatements(pg.Client.prototype, (number) => {
  if (number === life.killAfter) process.kill(process.pid, "SIGKILL");
});
const session = await openSession({ temporaryFolder: life.home });
const table = postgres(life.url)("warehouse").table(life.table);
await postgresSink.load(
  { ...life.request, table },
  {
    folder: life.home,
    home: life.home,
    signal: new AbortController().signal,
    log: silentLog,
    session: async () => session,
    resolve: String,
  },
);
session.close();
