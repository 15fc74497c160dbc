// One life of a process that loads into a folder of tables, in a test: it is killed after the so-manieth step that stays on the
// disk, or lives to the end and prints what it did.
import { createFolderSink } from "../../src/adapters/files-table/local.ts";
import type { LoadRequest } from "../../src/connect/sink.ts";
import { openSession } from "../../src/dataset/session.ts";
import { silentLog } from "../../src/log.ts";

/** What a life loads, and how it ends. */
export interface FolderLife {
  readonly folder: string;
  readonly requests: readonly LoadRequest[];
  /** Number of the step after which the process is killed, from 1; null to go on to the end. */
  readonly killAfter: number | null;
}

const life = JSON.parse(process.argv[2]!) as FolderLife;
const steps: string[] = [];
const sink = createFolderSink((step) => {
  steps.push(step);
  if (steps.length === life.killAfter) process.kill(process.pid, "SIGKILL");
});
const session = openSession({ temporaryFolder: life.folder });
const loaded: number[] = [];
for (const request of life.requests) {
  const context = {
    folder: life.folder,
    home: life.folder,
    signal: new AbortController().signal,
    log: silentLog,
    session: () => session,
    resolve: String,
  };
  loaded.push((await sink.load(request, context)).loaded);
}
process.stdout.write(JSON.stringify({ steps, loaded }));
(await session).close();
