// Prefect: its server on PostgreSQL, and flows that are called in a process of their own, or asked for through the API
// and started by its runner in a process each.
import { join } from "node:path";
import { awaitEnd, startDriver, type Ready } from "./driver.ts";
import type { Size } from "./figures.ts";
import type { Setup } from "./measure.ts";
import { peersFolder, pythonProgram, pythonVersion } from "./pins.ts";
import { startPostgres } from "./postgres.ts";
import { answers, type Session } from "./session.ts";

const server =
  "server on PostgreSQL with every commit flushed (with its default, SQLite, it refuses calls at 100 runs at once), " +
  "asynchronous tasks without a cache policy, log level WARNING, analytics off; " +
  "task states reach the server in the background, so a task may start before the end of the one before is recorded";

/** Its fastest: nothing is scheduled, the caller's process runs the flows and reports to the server. */
export const prefect: Setup = {
  peer: "prefect",
  get version() {
    return pythonVersion("prefect", "prefect");
  },
  configuration: () => `flows called in one process; ${server}`,
  start: async (session, workload, size) => {
    const { env } = await startServer(session);
    const driver = [pythonProgram("prefect", "python"), join(peersFolder, "prefect/driver.py")];
    return startDriver(session, driver, { workload, size, env });
  },
};

/** Runs that somebody else starts: what a schedule, an event or a click in its console gives. */
export const prefectServed: Setup = {
  peer: "prefect, deployment",
  get version() {
    return pythonVersion("prefect", "prefect");
  },
  scaledDown: { "fan-out": { runs: 1, tasks: 200 }, many: { runs: 10, tasks: 10 } },
  configuration: () =>
    `runs asked for through the API, started by \`prefect flow serve\` in a process each, at most ${RUNS_AT_ONCE} at once, ` +
    `polling every second instead of ten; ${server}`,
  start: async (session, workload, size) => {
    const { api, env } = await startServer(session);
    const flow = workload === "fan-out" ? "fan_out" : "chain";
    const file = `${join(peersFolder, "prefect/flows.py")}:${flow}`;
    const name = flow.replace("_", "-");
    const limit = ["--limit", String(RUNS_AT_ONCE)];
    const serve = [pythonProgram("prefect", "prefect"), "flow", "serve", file, "--name", "bench", ...limit];
    const runner = session.start("runner", serve, { env: { ...env, PREFECT_RUNNER_POLL_FREQUENCY: "1" } });
    await session.ready(runner, () => answers(`${api}/deployments/name/${name}/bench`));
    await askForRuns(api, name, { runs: 1, tasks: 1 });
    return { run: () => askForRuns(api, name, size) };
  },
};

/** Two cores: more processes at once start each later and finish none sooner. */
const RUNS_AT_ONCE = 4;

async function startServer(session: Session): Promise<{ api: string; env: Record<string, string> }> {
  const { user, password, host, port: databasePort, database } = await startPostgres(session);
  const port = String(await session.freePort());
  const api = `http://127.0.0.1:${port}/api`;
  const env = {
    PREFECT_HOME: join(session.folder, "prefect"),
    PREFECT_API_URL: api,
    PREFECT_API_DATABASE_CONNECTION_URL: `postgresql+asyncpg://${user}:${password}@${host}:${databasePort}/${database}`,
    PREFECT_SERVER_ANALYTICS_ENABLED: "false",
    PREFECT_SERVER_UI_ENABLED: "false",
    PREFECT_LOGGING_LEVEL: "WARNING",
    PREFECT_CLI_PROMPT: "false",
    PYTHONPATH: peersFolder,
  };
  const command = [pythonProgram("prefect", "prefect"), "server", "start", "--host", "127.0.0.1", "--port", port];
  const started = session.start("server", command, { env });
  await session.ready(started, () => answers(`${api}/health`));
  return { api, env };
}

interface FlowRun {
  readonly state_type: string;
  readonly end_time: string | null;
}

async function askForRuns(api: string, name: string, size: Size): ReturnType<Ready["run"]> {
  const deployment = await call<{ id: string }>(`${api}/deployments/name/${name}/bench`);
  const expected = size.runs * size.tasks + (name === "fan-out" ? size.runs : 0);
  const asked = Date.now() / 1000;
  const created = await Promise.all(
    Array.from({ length: size.runs }, (_, run) =>
      call<{ id: string }>(`${api}/deployments/${deployment.id}/create_flow_run`, {
        parameters: { run, tasks: size.tasks },
        state: { type: "SCHEDULED" },
      }),
    ),
  );
  const which = { flow_runs: { id: { any_: created.map((run) => run.id) } } };
  const end = await awaitEnd(async () => {
    const runs = await call<FlowRun[]>(`${api}/flow_runs/filter`, which);
    const failed = runs.find((run) => ["FAILED", "CRASHED", "CANCELLED"].includes(run.state_type));
    if (failed !== undefined) throw new Error(`A flow run ended as ${failed.state_type}`);
    const completed = await call<number>(`${api}/task_runs/count`, {
      ...which,
      task_runs: { state: { type: { any_: ["COMPLETED"] } } },
    });
    if (completed < expected || runs.some((run) => run.state_type !== "COMPLETED")) return null;
    const ended = Math.max(...runs.map((run) => Date.parse(run.end_time!))) / 1000;
    return { ended, recorded: Math.max(ended, Date.now() / 1000) };
  });
  return { asked, ...end };
}

/** GET without a body, POST with one. */
async function call<T>(url: string, body?: unknown): Promise<T> {
  const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(url, body === undefined ? {} : post);
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}
