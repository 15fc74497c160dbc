// Luigi: with the scheduler inside its worker, and with luigid as its documentation wants it for production.
import { join } from "node:path";
import { startDriver } from "./driver.ts";
import type { Setup } from "./measure.ts";
import { peersFolder, pythonProgram, pythonVersion } from "./pins.ts";
import { answers } from "./session.ts";

const common = "one worker in one process, every task a LocalTarget (a file that is not flushed), log level WARNING";

export const luigiLocal: Setup = setup("luigi, local scheduler", `scheduler in the worker's process, ${common}`, false);

export const luigi: Setup = setup("luigi", `luigid with its state file, ${common}`, true);

function setup(peer: string, configuration: string, central: boolean): Setup {
  return {
    peer,
    get version() {
      return pythonVersion("luigi", "luigi");
    },
    configuration: () => configuration,
    start: async (session, workload, size) => {
      const env: Record<string, string> = { BENCH_FOLDER: session.folder, PYTHONPATH: peersFolder };
      if (central) {
        const port = String(await session.freePort());
        const state = ["--state-path", join(session.folder, "state.pickle"), "--logdir", join(session.folder, "logs")];
        const luigid = session.start("luigid", [
          pythonProgram("luigi", "luigid"),
          "--address",
          "127.0.0.1",
          "--port",
          port,
          ...state,
        ]);
        env["BENCH_LUIGID"] = `http://127.0.0.1:${port}`;
        await session.ready(luigid, () => answers(`http://127.0.0.1:${port}/static/visualiser/index.html`));
      }
      const command = [pythonProgram("luigi", "python"), join(peersFolder, "luigi/driver.py")];
      return startDriver(session, command, { workload, size, env });
    },
  };
}
