// Airflow: API server, scheduler and DAG processor with the LocalExecutor, on PostgreSQL.
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { awaitEnd, type Ready } from "./driver.ts";
import type { Size } from "./figures.ts";
import type { Setup } from "./measure.ts";
import { peersFolder, pythonProgram, pythonVersion } from "./pins.ts";
import { startPostgres } from "./postgres.ts";
import { answers, type Session } from "./session.ts";

/** Of 2, 4, 8, 16 and 32 the fastest on two cores: fewer wait for the scheduler's next look, more for a core. */
const PARALLELISM = 8;

const common = "LocalExecutor, one scheduler, one API server process; PostgreSQL with every commit flushed";

/** Its fastest on a small machine, by settings that its documentation names for that. */
export const airflow: Setup = setup({
  peer: "airflow",
  configuration:
    `${common}; ${PARALLELISM} tasks at once, the scheduler sleeps 0.1 s when idle (default 1 s; 0.01 s is slower), ` +
    "512 task instances per query, limits on tasks and runs per DAG lifted",
  scaledDown: { "fan-out": { runs: 1, tasks: 100 }, many: { runs: 10, tasks: 10 } },
  settings: {
    CORE__MAX_ACTIVE_RUNS_PER_DAG: "1000",
    CORE__MAX_ACTIVE_TASKS_PER_DAG: "1000",
    CORE__PARALLELISM: String(PARALLELISM),
    SCHEDULER__MAX_DAGRUNS_PER_LOOP_TO_SCHEDULE: "100",
    SCHEDULER__MAX_TIS_PER_QUERY: "512",
    SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME: "0.1",
  },
});

/** What somebody gets who changes nothing of how it schedules. */
export const airflowDefaults: Setup = setup({
  peer: "airflow, defaults",
  configuration: `${common}; the scheduler as it comes (sleeps 1 s when idle, 32 tasks at once, 16 per DAG)`,
  scaledDown: {
    chain: { runs: 1, tasks: 20 },
    "fan-out": { runs: 1, tasks: 50 },
    many: { runs: 5, tasks: 10 },
  },
  settings: {},
});

interface Variant {
  readonly peer: string;
  readonly configuration: string;
  readonly scaledDown: NonNullable<Setup["scaledDown"]>;
  readonly settings: Readonly<Record<string, string>>;
}

function setup({ peer, configuration, scaledDown, settings }: Variant): Setup {
  return {
    peer,
    get version() {
      return pythonVersion("airflow", "apache-airflow");
    },
    scaledDown,
    configuration: () => configuration,
    start: async (session, workload, size) => {
      const env = await environment(session, size, settings);
      const program = pythonProgram("airflow", "airflow");
      await session.finish("migrate", [program, "db", "migrate"], { env });
      const api = `http://127.0.0.1:${env["AIRFLOW__API__PORT"]}`;
      const server = session.start("api-server", [program, "api-server"], { env });
      session.start("scheduler", [program, "scheduler", "--skip-serve-logs"], { env });
      session.start("dag-processor", [program, "dag-processor"], { env });
      await session.ready(server, () => answers(`${api}/api/v2/version`));
      const { access_token: token } = await call<{ access_token: string }>(`${api}/auth/token`);
      const dags = `${api}/api/v2/dags`;
      const wanted = workload === "fan-out" ? "fan_out" : "chain";
      for (const name of ["warm_up", wanted])
        await session.ready(server, async () => (await get(`${dags}/${name}`, token)).ok);
      await triggerRuns(`${dags}/warm_up/dagRuns`, token, 1);
      return { run: () => triggerRuns(`${dags}/${wanted}/dagRuns`, token, size.runs) };
    },
  };
}

async function environment(session: Session, size: Size, own: Variant["settings"]): Promise<Record<string, string>> {
  const { user, password, host, port: databasePort, database } = await startPostgres(session);
  const port = String(await session.freePort());
  const settings = {
    API__HOST: "127.0.0.1",
    API__PORT: port,
    API__WORKERS: "1",
    API_AUTH__JWT_SECRET: randomBytes(32).toString("hex"),
    CORE__AUTH_MANAGER: "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
    CORE__DAGS_ARE_PAUSED_AT_CREATION: "False",
    CORE__DAGS_FOLDER: join(peersFolder, "airflow"),
    CORE__EXECUTION_API_SERVER_URL: `http://127.0.0.1:${port}/execution/`,
    CORE__EXECUTOR: "LocalExecutor",
    // The default one asks the network for the machine's full name.
    CORE__HOSTNAME_CALLABLE: "socket.gethostname",
    CORE__LOAD_EXAMPLES: "False",
    CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS: "True",
    DATABASE__SQL_ALCHEMY_CONN: `postgresql+psycopg2://${user}:${password}@${host}:${databasePort}/${database}`,
    LOGGING__LOGGING_LEVEL: "WARNING",
    // On a busy machine its default of 5 s fails tasks that only had to wait for a core.
    WORKERS__EXECUTION_API_TIMEOUT: "60",
    ...own,
  };
  mkdirSync(join(session.folder, "airflow"));
  return {
    ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [`AIRFLOW__${name}`, value])),
    AIRFLOW_HOME: join(session.folder, "airflow"),
    BENCH_TASKS: String(size.tasks),
    PATH: `${pythonProgram("airflow", "")}:${process.env["PATH"]}`,
    PYTHONPATH: peersFolder,
    SCARF_ANALYTICS: "false",
  };
}

interface DagRun {
  readonly state: string;
  readonly end_date: string | null;
}

async function triggerRuns(url: string, token: string, count: number): ReturnType<Ready["run"]> {
  const asked = Date.now() / 1000;
  await Promise.all(
    Array.from({ length: count }, (_, run) => call(url, token, { dag_run_id: `run-${run}`, logical_date: null })),
  );
  const end = await awaitEnd(async () => {
    const { dag_runs: runs } = await call<{ dag_runs: DagRun[] }>(`${url}?limit=100`, token);
    if (runs.some((run) => run.state === "failed")) throw new Error("A DAG run of Airflow's failed");
    if (runs.length < count || runs.some((run) => run.state !== "success")) return null;
    const ended = Math.max(...runs.map((run) => Date.parse(run.end_date!))) / 1000;
    return { ended, recorded: ended };
  });
  return { asked, ...end };
}

function get(url: string, token?: string): Promise<Response> {
  return fetch(url, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
}

/** GET without a body, POST with one. */
async function call<T>(url: string, token?: string, body?: unknown): Promise<T> {
  const response =
    body === undefined
      ? await get(url, token)
      : await fetch(url, {
          method: "POST",
          headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
          body: JSON.stringify(body),
        });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}
