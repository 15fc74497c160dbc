// Sluice as a contestant: the embedded engine in one process with its workers, on a project in a temporary folder.
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startDriver } from "../peers/driver.ts";
import type { Size, Workload } from "../peers/figures.ts";
import type { Setup } from "../peers/measure.ts";
import type { Session } from "../peers/session.ts";
import { pipelineNames, writeProject } from "./project.ts";

export const driver: string = fileURLToPath(new URL("./driver.ts", import.meta.url));

/** `prepare` may put a state folder into the project before the engine is opened. */
export function sluice(version: string, prepare: (folder: string) => void = () => {}): Setup {
  return {
    peer: "sluice",
    version,
    configuration: () => "embedded: SQLite (WAL, synchronous=FULL), one scheduler process, one worker process per core",
    start: async (session, workload, size) => {
      const folder = projectIn(session, workload, size);
      prepare(folder);
      const command = [process.execPath, "--disable-warning=ExperimentalWarning", driver, folder];
      // The driver of a peer is told workload, runs and tasks; Sluice's reads them from its project.
      return startDriver(session, [...command, ...pipelineNames(workload, size), "--"], { workload, size });
    },
  };
}

function projectIn(session: Session, workload: Workload, size: Size): string {
  const folder = join(session.folder, "project");
  writeProject(folder, workload, size);
  writeFileSync(join(folder, "package.json"), `{ "type": "module" }\n`);
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(fileURLToPath(new URL("../../..", import.meta.url)), join(folder, "node_modules", "sluice"));
  return folder;
}
