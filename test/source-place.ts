// What a source's adapter is given in a test: a session, a folder for artifacts, and nothing that outlives the test.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../src/clock.ts";
import { resolveSetting } from "../src/config.ts";
import type { SourceContext } from "../src/connect/source.ts";
import { openSession, type Session } from "../src/dataset/session.ts";
import { silentLog } from "../src/log.ts";
import { temporaryArtifacts } from "./conformance/sink.ts";

export interface SourcePlace {
  readonly folder: string;
  readonly artifactFolder: string;
  readonly session: Session;
  readonly context: SourceContext;
  dispose(): Promise<void>;
}

export async function sourcePlace(): Promise<SourcePlace> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-source-"));
  await mkdir(join(folder, "spill"));
  const session = await openSession({ temporaryFolder: join(folder, "spill") });
  const artifacts = temporaryArtifacts();
  return {
    folder,
    artifactFolder: artifacts.folder,
    session,
    context: {
      folder,
      home: folder,
      signal: new AbortController().signal,
      log: silentLog,
      clock: systemClock,
      artifacts,
      session: async () => session,
      reject: async () => {
        throw new Error("a database has no rows that can't be read one by one");
      },
      resolve: (setting) => resolveSetting(setting, folder),
    },
    dispose: async () => {
      session.close();
      await artifacts.dispose();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
