// Temporal: its dev server with a database file, and activities in TypeScript's SDK.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { startDriver } from "./driver.ts";
import type { Setup } from "./measure.ts";
import { peersFolder, sameText } from "./pins.ts";
import type { Session } from "./session.ts";

const folder = join(peersFolder, "temporal");
const server = join(peersFolder, ".bin/temporal");

/** What the installer leaves beside the server: the version that it has built. */
const serverVersion = `${server}.version`;

/** Durable at every step: each activity is scheduled, started and completed in the workflow's history. */
export const temporal: Setup = setup("temporal", "ordinary activities", false);

/** Faster and less durable: a workflow's steps reach its history together. */
export const temporalLocal: Setup = setup("temporal, local activities", "local activities", true);

function setup(peer: string, activities: string, local: boolean): Setup {
  return {
    peer,
    get version() {
      return `${readFileSync(serverVersion, "utf8").trim()}, SDK ${version(folder)}`;
    },
    configuration: () =>
      `dev server with a SQLite file (WAL, synchronous=FULL), headless, eager activities on; ` +
      `one worker process in the SDK's default setting, ${activities}`,
    start: async (session, workload, size) => {
      const env = {
        BENCH_TEMPORAL: await startServer(session),
        BENCH_LOCAL_ACTIVITIES: local ? "1" : "0",
        NODE_ENV: "production",
      };
      return startDriver(session, [process.execPath, join(folder, "driver.js")], { workload, size, env });
    },
  };
}

async function startServer(session: Session): Promise<string> {
  const [port, http, metrics] = [await session.freePort(), await session.freePort(), await session.freePort()];
  const options = {
    ip: "127.0.0.1",
    port,
    "http-port": http,
    "metrics-port": metrics,
    "db-filename": join(session.folder, "temporal.db"),
    "log-level": "error",
  };
  const command = [
    server,
    "server",
    "start-dev",
    "--headless",
    "--disable-config-file",
    "--disable-config-env",
    "--sqlite-pragma=journal_mode=WAL",
    "--sqlite-pragma=synchronous=FULL",
    "--dynamic-config-value=frontend.enableServerVersionCheck=false",
    "--dynamic-config-value=system.enableActivityEagerExecution=true",
    ...Object.entries(options).map(([name, value]) => `--${name}=${value}`),
  ];
  const started = session.start("temporal", command, { env: { TEMPORAL_VERSION_CHECK_DISABLED: "1" } });
  await session.ready(started, async () => started.log().includes(`:${port}`));
  return `127.0.0.1:${port}`;
}

/** Whether server and SDK are there in the versions that are pinned. */
export function temporalInstalled(): boolean {
  const sdk = join(folder, "node_modules/@temporalio/worker");
  if (!existsSync(server) || !existsSync(sdk)) return false;
  return sameText(serverVersion, join(folder, "server.version")) && version(sdk) === version(folder);
}

/** The SDK's version: of its package, or as this folder's manifest pins it. */
function version(packageFolder: string): string {
  const manifest = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8")) as {
    version?: string;
    dependencies: Record<string, string>;
  };
  return manifest.version ?? manifest.dependencies["@temporalio/worker"]!;
}
