// Cancelling a run reaches what its steps are doing: a query here, a query there, a request that nobody answers. What
// does not let go is killed. Each through a real engine, told as another process would tell it.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createServer, type AddressInfo, type Server } from "node:net";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { askEngine } from "../../../src/embedded/ask.ts";
import { openEngine, type Engine } from "../../../src/embedded/engine.ts";
import { postgresMissing, startPostgres } from "../../postgres-server.ts";
import { sourceProject, type SourceProject } from "./source-project.ts";

const postgres = await startPostgres();
const config = `
  import { defineConfig, env } from "sluice";
  import { http, postgres } from "sluice/connect";
  export const config = defineConfig({
    workers: 1,
    connections: { silent: http(env("SILENT_URL", { default: "http://127.0.0.1:9" })), shop: postgres(env("SHOP_URL", { default: "postgres://nobody" })) },
  });
  export const { silent, shop } = config.connections;
  export default config;`;

/** Pipelines of one step, \`endless\`, and one after it that must never run. */
const pipelineOf = (imports: string, spec: string, options = "{}"): string => `
  import { extract, pipeline, sql, task, transform } from "sluice";
  import { csv } from "sluice/connect";
  ${imports}
  export default pipeline("endless", ({ step }) => {
    const endless = step("endless", ${spec}, ${options});
    step("after", task(() => "too late"), { after: endless });
  });`;

let project: SourceProject | null = null;
let engine: Engine | null = null;
afterEach(async () => {
  await engine?.close();
  project?.remove();
  engine = null;
  project = null;
});

/** Starts the pipeline, cancels it once \`underWay\`, and says what became of it. */
async function cancelled(pipeline: string, underWay: (pid: number) => Promise<boolean>) {
  project = sourceProject({ "sluice.config.ts": config, "pipelines/endless.ts": pipeline });
  engine = await openEngine({ configPath: project.configPath, command: "test", home: project.home });
  const { run } = (await engine.instruct(
    { type: "run", pipeline: "endless", partition: null, params: null, key: null },
    "test",
  )) as { run: string };
  const finished = engine.finished(run);
  const [worker] = engine.workers;
  await expect.poll(() => underWay(worker!), { timeout: 30_000, interval: 50 }).toBe(true);
  await askEngine(engine.home, { type: "cancel-run", run, reason: "enough" }, "someone else");
  const { record, state } = await finished;
  await engine.settled();
  const attempts = await engine.store.attempts(run);
  return {
    run: record.status,
    steps: state.steps.values().map(({ status, reason }) => [status, reason]),
    attempts: attempts.map(({ status }) => status),
    /** Did the worker live on? */
    sameWorker: engine.workers.includes(worker!),
  };
}

const gone = {
  run: "cancelled",
  steps: [
    ["cancelled", "enough"],
    ["cancelled", "enough"],
  ],
  attempts: ["cancelled"],
};

/** Has the process used processor time that a worker at rest does not? Then its query is running. */
function isBusy(since: Map<number, number>): (pid: number) => Promise<boolean> {
  return async (pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    const ticks = Number(fields[11]) + Number(fields[12]);
    if (!since.has(pid)) since.set(pid, ticks);
    return ticks - since.get(pid)! > 150;
  };
}

describe("cancelling a run", () => {
  it("stops a query of the columnar engine that would run for ever, and the worker goes on", async () => {
    const endless = "sql`select sum(a.range * b.range % 7) as n from range(10000000000) a, range(10000000000) b`";
    const result = await cancelled(pipelineOf("", `transform({}, ${endless})`), isBusy(new Map()));
    expect(result).toEqual({ ...gone, sameWorker: true });
  });

  it("stops a query that begins only after the run was cancelled", async () => {
    const late = `{ kind: "late_query", inputs: {}, config: null, execute: async ({ folder }, needs) => {
      const session = await needs.session();
      writeFileSync(folder + "/pausing", "");
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await session.run("SELECT sum(a.range * b.range % 7) FROM range(10000000000) a, range(10000000000) b");
    } }`;
    const pipeline = pipelineOf(`import { writeFileSync } from "node:fs";`, late);
    const result = await cancelled(pipeline, async () => existsSync(join(project!.folder, "pausing")));
    expect(result).toEqual({ ...gone, sameWorker: true });
  });

  it("kills a loop that keeps its thread", async () => {
    const result = await cancelled(pipelineOf("", "task(() => { for (;;) Math.random(); })"), isBusy(new Map()));
    expect(result).toEqual({ ...gone, sameWorker: false });
  });
});

describe("cancelling a run whose step waits for a server that never answers", () => {
  let server: Server;
  let open = 0;
  beforeAll(async () => {
    server = createServer((socket) => {
      open += 1;
      socket.on("close", () => (open -= 1));
      socket.on("error", () => {});
      socket.resume();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    process.env["SILENT_URL"] = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  afterAll(async () => {
    delete process.env["SILENT_URL"];
    await new Promise((resolve) => server.close(resolve));
  });

  it.each([
    [
      "an extract",
      pipelineOf(
        `import { silent } from "../sluice.config.ts";`,
        `extract(silent.get("things", { columns: { id: "id" } }))`,
      ),
    ],
    [
      "a task that hands its signal on",
      pipelineOf("", `task(async (_inputs, { signal }) => { await fetch(process.env.SILENT_URL, { signal }); })`),
    ],
  ])("hangs up, for %s, and the worker goes on", async (_what, pipeline) => {
    const result = await cancelled(pipeline, async () => open > 0);
    expect(result).toEqual({ ...gone, sameWorker: true });
    await expect.poll(() => open, { timeout: 10_000 }).toBe(0);
  });
});

describe("cancelling a run whose step is at work in PostgreSQL", () => {
  const title = (what: string): string => (postgres === null ? `${what} (${postgresMissing})` : what);
  let watcher: pg.Client | null = null;
  beforeAll(async () => {
    if (postgres === null) return;
    process.env["SHOP_URL"] = postgres.url;
    watcher = new pg.Client({ connectionString: postgres.url });
    await watcher.connect();
  });
  afterAll(async () => {
    delete process.env["SHOP_URL"];
    await watcher?.end();
    await postgres?.stop();
  });
  const running = async (): Promise<number> => {
    const { rows } = await watcher!.query(
      "select count(*)::int as n from pg_stat_activity where state = 'active' and query ~ 'endless_series|sluice_rows' and pid <> pg_backend_pid()",
    );
    return (rows[0] as { n: number }).n;
  };

  it.skipIf(postgres === null).each([
    ["copies it", "sql`select count(*) as endless_series from generate_series(1, 1000000000000) n where n % 7 = 3`"],
    [
      "reads by a cursor",
      "sql`select count(*) as endless_series from generate_series(1, ${1000000000000}::bigint) n where n % 7 = 3`",
    ],
  ])(title("ends the query there when the step %s, and the worker goes on"), async (_how, query) => {
    const pipeline = pipelineOf(`import { shop } from "../sluice.config.ts";`, `extract(shop.query(${query}))`);
    const result = await cancelled(pipeline, async () => (await running()) > 0);
    expect(result).toEqual({ ...gone, sameWorker: true });
    await expect.poll(running, { timeout: 10_000 }).toBe(0);
  });
});
