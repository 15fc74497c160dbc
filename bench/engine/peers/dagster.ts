// Dagster: as it is deployed, runs launched through its web server in a process each and steps in a process each; and
// at its fastest, runs executed by the caller's process.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { awaitEnd, startDriver, type Ready } from "./driver.ts";
import type { Size } from "./figures.ts";
import type { Setup } from "./measure.ts";
import { peersFolder, pythonProgram, pythonVersion } from "./pins.ts";
import { answers, type Session } from "./session.ts";

const storage = "SQLite files (its default storage), console log level WARNING, telemetry off";

export const dagster: Setup = {
  peer: "dagster",
  get version() {
    return pythonVersion("dagster", "dagster");
  },
  scaledDown: { "fan-out": { runs: 1, tasks: 100 }, many: { runs: 5, tasks: 10 } },
  configuration: () =>
    `web server and code server, runs launched through GraphQL at once (no queue, no daemon), ` +
    `multiprocess executor (its default) with a preloaded forkserver, 4 steps at once per run; ${storage}`,
  start: async (session, workload, size) => {
    const env = environment(session, "multiprocess", size);
    const codePort = String(await session.freePort());
    const file = join(peersFolder, "dagster/jobs.py");
    const address = ["--host", "127.0.0.1", "--port"];
    const code = session.start(
      "code",
      [pythonProgram("dagster", "dagster"), "api", "grpc", "--python-file", file, ...address, codePort],
      { env },
    );
    await session.ready(code, async () => code.log().includes("Started Dagster code server"));
    const workspace = join(session.folder, "workspace.yaml");
    writeFileSync(
      workspace,
      `load_from:\n  - grpc_server: {host: 127.0.0.1, port: ${codePort}, location_name: bench}\n`,
    );
    const port = String(await session.freePort());
    const web = session.start(
      "web",
      [pythonProgram("dagster", "dagster-webserver"), "--workspace", workspace, ...address, port],
      { env },
    );
    await session.ready(web, () => answers(`http://127.0.0.1:${port}/server_info`));
    const url = `http://127.0.0.1:${port}/graphql`;
    await launchRuns(url, "warm_up", 1);
    return { run: () => launchRuns(url, workload === "fan-out" ? "fan_out" : "chain", size.runs) };
  },
};

export const dagsterInProcess: Setup = {
  peer: "dagster, in process",
  get version() {
    return pythonVersion("dagster", "dagster");
  },
  configuration: () =>
    `execute_job in one process with the in-process executor, runs one after the other; no server; ${storage}`,
  start: (session, workload, size) => {
    const command = [pythonProgram("dagster", "python"), join(peersFolder, "dagster/driver.py")];
    return startDriver(session, command, { workload, size, env: environment(session, "in process", size) });
  },
};

function environment(session: Session, executor: "multiprocess" | "in process", size: Size): Record<string, string> {
  const home = join(session.folder, "dagster");
  mkdirSync(home);
  const settings = [
    "telemetry: {enabled: false}",
    "nux: {enabled: false}",
    "run_coordinator: {module: dagster.core.run_coordinator, class: DefaultRunCoordinator}",
  ];
  writeFileSync(join(home, "dagster.yaml"), `${settings.join("\n")}\n`);
  return {
    DAGSTER_HOME: home,
    DAGSTER_DISABLE_TELEMETRY: "yes",
    BENCH_EXECUTOR: executor,
    BENCH_TASKS: String(size.tasks),
    PYTHONPATH: `${peersFolder}:${join(peersFolder, "dagster")}`,
  };
}

const LAUNCH = `mutation ($job: String!) {
  launchRun(executionParams: {
    mode: "default",
    selector: {repositoryLocationName: "bench", repositoryName: "bench", pipelineName: $job}
  }) { __typename ... on LaunchRunSuccess { run { id } } ... on PythonError { message } }
}`;

const RUNS = `query ($runIds: [String!]!) { runsOrError(filter: {runIds: $runIds}) { ... on Runs { results { status endTime } } } }`;

async function launchRuns(url: string, job: string, count: number): ReturnType<Ready["run"]> {
  const asked = Date.now() / 1000;
  const runIds = await Promise.all(
    Array.from({ length: count }, async () => {
      const { launchRun } = await query<{ launchRun: { run?: { id: string } } }>(url, LAUNCH, { job });
      if (launchRun.run === undefined) throw new Error(`Dagster refused a run: ${JSON.stringify(launchRun)}`);
      return launchRun.run.id;
    }),
  );
  const end = await awaitEnd(async () => {
    const { results } = (await query<{ runsOrError: Runs }>(url, RUNS, { runIds })).runsOrError;
    const failed = results.find((run) => run.status === "FAILURE" || run.status === "CANCELED");
    if (failed !== undefined) throw new Error(`A run of Dagster's ended as ${failed.status}`);
    if (results.length < count || results.some((run) => run.status !== "SUCCESS")) return null;
    const ended = Math.max(...results.map((run) => run.endTime!));
    return { ended, recorded: ended };
  });
  return { asked, ...end };
}

interface Runs {
  readonly results: readonly { readonly status: string; readonly endTime: number | null }[];
}

async function query<T>(url: string, text: string, variables: Readonly<Record<string, unknown>>): Promise<T> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: text, variables }),
  });
  const answer = (await response.json()) as { data?: T; errors?: unknown };
  if (answer.data === undefined || answer.errors !== undefined)
    throw new Error(`Dagster's web server answered ${response.status}: ${JSON.stringify(answer.errors)}`);
  return answer.data;
}
