// Promise 7: a secret that is planted where references point appears in nothing that is printed, stored or served:
// not when all goes well, not when a connection fails, not when a server or a task throws it back.
import type { ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgresMissing, startPostgres } from "../postgres-server.ts";
import { killGroup, sluice, type CommandResult } from "./command.ts";
import { scratchProject, type ScratchProject } from "./scratch-project.ts";
import { withService } from "./service.ts";

// Each has characters that URLs, JSON and patterns write in another way, around a core that stays as it is in all of them.
const secrets = {
  password: `zq7PlantedPassword/+ "w%d`,
  token: `zq7PlantedToken.$1\\|\\d`,
  header: `zq7PlantedHeader&<b>'`,
  basic: "zq7PlantedBasic:=",
  client: "zq7PlantedClient/&",
  hook: "zq7PlantedHook",
  tap: 'zq7PlantedTap"\\',
  // What a server gives, and nobody has set.
  issued: "zq7PlantedIssued",
} as const;
const cores = Object.values(secrets).map((secret) => /^\w+/.exec(secret)![0]);
/** Also as HTTP's basic authentication writes it. */
const needles = [
  ...cores,
  Buffer.from(`user:${secrets.basic}`).toString("base64").replace(/=+$/, ""),
  Buffer.from(`me:${encodeURIComponent(secrets.client)}`)
    .toString("base64")
    .replace(/=+$/, ""),
];

const server = await startPostgres();
const config = `
  import { defineConfig, env, file } from "sluice";
  import { basic, bearer, http, inbox, lake, mysql, oauth2, postgres, signature, singer } from "sluice/connect";
  const config = defineConfig({ connections: {
    warehouse: lake(),
    shop: postgres(env("DATABASE_URL")),
    gone: postgres(env("GONE_URL")),
    catalogue: http(env("CATALOGUE_URL", { secret: false }), {
      auth: bearer(env("CATALOGUE_TOKEN")), headers: { "X-Key": env("HEADER_SECRET") }, retry: { limit: 0 },
    }),
    away: mysql(env("AWAY_URL")),
    machine: http(env("CATALOGUE_URL", { secret: false }), {
      auth: oauth2({ tokenUrl: env("TOKEN_URL", { secret: false }), clientId: "me", clientSecret: env("CLIENT_SECRET") }), retry: { limit: 0 },
    }),
    hooks: inbox({ verify: signature({ header: "x-signature", secret: env("HOOK_SECRET") }) }),
    // It says what it knows, in the log and as its last words.
    tap: singer(process.execPath, {
      args: ["-e", "process.stderr.write(require('fs').readFileSync(process.argv.at(-1), 'utf8') + '\\n'); process.exit(1)", "--"],
      config: { token: env("TAP_SECRET"), deep: [{ token: env("TAP_SECRET") }] }, discover: false,
    }),
    other: http(env("CATALOGUE_URL", { secret: false }), { auth: basic("user", file("basic.secret")), retry: { limit: 0 } }),
  } });
  export const { warehouse, shop, gone, away, machine, hooks, tap, catalogue, other } = config.connections;
  export default config;`;

/** A pipeline of one step, tried twice. */
const pipelineOf = (name: string, step: string): string => `
  import { existsSync, writeFileSync } from "node:fs";
  import { extract, load, pipeline, sql, SluiceError, task } from "sluice";
  import { contract, validate } from "sluice/quality";
  import { z } from "zod";
  import { away, catalogue, gone, hooks, machine, other, shop, tap, warehouse } from "../sluice.config.ts";
  const columns = { columns: { code: "code" } };
  const row = contract("row", { row: z.strictObject({ code: z.string(), price: z.number().positive() }) });
  export default pipeline("${name}", { retry: { limit: 1, delay: "10ms" } }, ({ step }) => { ${step} });`;

const everySecret = `[process.env.DATABASE_URL, process.env.CATALOGUE_TOKEN, process.env.HEADER_SECRET, new URL(process.env.DATABASE_URL).password]`;

const pipelines: Readonly<Record<string, string>> = {
  fine: `
    const rows = step("rows", extract(catalogue.get("/items", { headers: { "X-More": { $ref: "env", name: "HEADER_SECRET" } }, columns: { code: "code", price: { from: "price", type: "DOUBLE" } } })));
    step("load", load(step("clean", validate(rows, row)), warehouse.table("items"), { write: "replace" }));
    step("basic", extract(other.get("/basic", columns)));`,
  shop: `step("rows", extract(shop.query(sql\`select 1 as one\`)));`,
  shop_fails: `step("rows", extract(shop.query(sql\`select * from nothing_like_this\`)));`,
  gone: `step("rows", extract(gone.query(sql\`select 1 as one\`)));`,
  load_fails: `step("load", load(step("rows", extract(catalogue.get("/items", columns))), gone.table("items")));`,
  refused: `step("rows", extract(catalogue.get("/echo", columns)));`,
  basic_refused: `step("rows", extract(other.get("/echo", columns)));`,
  away: `step("rows", extract(away.query(sql\`select 1 as one\`)));`,
  tap_fails: `step("rows", extract(tap.stream("anything")));`,
  token_refused: `step("rows", extract(machine.get("/echo", columns)));`,
  received: `step("rows", extract(hooks.received()));`,
  // Each row is refused with the server's own words, which are kept with it.
  rows_refused: `step("sent", load(step("rows", extract(catalogue.get("/items", columns))), catalogue.endpoint("/refuse", { batch: 1 })));`,
  nonsense: `step("rows", extract(catalogue.get("/nonsense", columns)));`,
  // Nothing has resolved a reference before: the task takes them from the environment itself.
  throws: `step("throw", task(() => { throw new Error("it was " + ${everySecret}.join(" and ") + encodeURIComponent(process.env.CATALOGUE_TOKEN)); }));`,
  throws_ours: `step("throw", task(() => {
    throw new SluiceError("TASK_FAILED", "it was " + ${everySecret}[1], { hint: "use " + ${everySecret}[2], details: { all: ${everySecret}, deep: { [${everySecret}[1]]: 1 } } });
  }));`,
  logs: `step("log", task((_inputs, { log }) => {
    for (const secret of ${everySecret}) { log.info("with " + secret, { secret, text: "a " + secret, deep: [{ secret }] }); log.warn(secret); log.error(JSON.stringify({ secret })); }
  }));`,
  // Once: the next command finishes the run that was killed.
  hangs: `step("hang", task(async (_inputs, { folder, log }) => {
    if (existsSync(folder + "/hanging")) return;
    for (const secret of ${everySecret}) log.warn("with " + secret);
    writeFileSync(folder + "/hanging", "");
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  }));`,
};

describe("a planted secret", () => {
  let project: ScratchProject;
  let api: Server;
  let env: Record<string, string>;
  const options = () => ({ cwd: project.folder, env });
  const home = (): string => join(project.folder, ".sluice");

  beforeAll(async () => {
    project = scratchProject({
      "sluice.config.ts": config,
      "basic.secret": `${secrets.basic}\n`,
      ...Object.fromEntries(
        Object.entries(pipelines).map(([name, step]) => [`pipelines/${name}.ts`, pipelineOf(name, step)]),
      ),
    });
    api = createServer((request, response) => {
      const known =
        request.headers.authorization === `Bearer ${secrets.token}` && request.headers["x-key"] === secrets.header;
      const send = (status: number, body: unknown): void =>
        void response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
      if (request.url === "/items")
        return send(known ? 200 : 401, [
          { code: "a", price: 1.5 },
          { code: "b", price: -1 },
        ]);
      if (request.url === "/basic")
        return send(request.headers.authorization === `Basic ${btoa(`user:${secrets.basic}`)}` ? 200 : 401, [
          { code: "a" },
        ]);
      if (request.url === "/token")
        return send(200, { access_token: secrets.issued, token_type: "bearer", said: request.headers });
      if (request.url === "/refuse") return send(422, { error: request.headers });
      // A server that tells everyone what it was told.
      if (request.url === "/echo") return send(403, { error: request.headers });
      response
        .writeHead(200, { "Content-Type": "application/json" })
        .end(`{"oops": ${JSON.stringify(request.headers)}`);
    });
    await new Promise<void>((resolve) => api.listen(0, "127.0.0.1", resolve));
    const role = `postgres://planted:${encodeURIComponent(secrets.password)}@127.0.0.1:${server === null ? 1 : new URL(server.url).port}/postgres`;
    env = {
      SLUICE_HOME: "",
      DATABASE_URL: role,
      // Nobody listens on port 1.
      GONE_URL: `postgres://planted:${encodeURIComponent(secrets.password)}@127.0.0.1:1/postgres`,
      AWAY_URL: `mysql://planted:${encodeURIComponent(secrets.password)}@127.0.0.1:1/shop`,
      CATALOGUE_URL: `http://127.0.0.1:${(api.address() as AddressInfo).port}`,
      TOKEN_URL: `http://127.0.0.1:${(api.address() as AddressInfo).port}/token`,
      CLIENT_SECRET: secrets.client,
      HOOK_SECRET: secrets.hook,
      TAP_SECRET: secrets.tap,
      CATALOGUE_TOKEN: secrets.token,
      HEADER_SECRET: secrets.header,
    };
    if (server !== null) {
      const client = new Client({ connectionString: server.url });
      await client.connect();
      await client.query(`create role planted login password ${client.escapeLiteral(secrets.password)}`);
      await client.end();
    }
  });

  afterAll(async () => {
    project.remove();
    await new Promise((resolve) => api.close(resolve));
    await server?.stop();
  });

  function expectHidden(...texts: readonly string[]): void {
    for (const needle of needles) for (const text of texts) expect(text).not.toContain(needle);
  }

  /** Every byte under the state folder, names included, of whatever is there now. */
  function expectNothingStored(): void {
    const names = readdirSync(home(), { recursive: true, encoding: "utf8" });
    expect(names).toEqual(expect.arrayContaining(["state.db"]));
    for (const name of names) {
      const path = join(home(), name);
      const bytes = statSync(path).isFile() ? readFileSync(path) : Buffer.alloc(0);
      // UTF-16 is how an engine in C++ or Windows would write it.
      for (const needle of needles) {
        expect(name, name).not.toContain(needle);
        expect(bytes.includes(needle), `${needle} in ${name}`).toBe(false);
        expect(bytes.includes(Buffer.from(needle, "utf16le")), `${needle} in ${name}, as UTF-16`).toBe(false);
      }
    }
  }

  /** Runs a pipeline, and then asks everyone who could tell about the run. */
  async function runAndAsk(pipeline: string, code: number): Promise<CommandResult> {
    const result = await sluice(["run", pipeline, "--json"], options());
    expect(result.code, result.stderr).toBe(code);
    const { run } = JSON.parse(result.stdout) as { run: { id: string } };
    expectHidden(result.stdout, result.stderr);
    for (const command of ["why", "logs"]) {
      for (const format of [[], ["--json"]]) {
        const told = await sluice([command, run.id, ...format], options());
        expect(told.code).toBe(0);
        expectHidden(told.stdout, told.stderr);
      }
    }
    expectNothingStored();
    return result;
  }

  it("is in none of the places where it is needed", async () => {
    await runAndAsk("fine", 0);
    // The wrong row lies in quarantine, and was looked at.
    expect(existsSync(join(home(), "quarantine.db"))).toBe(true);
    const shown = await sluice(["quarantine", "show", "fine", "--json"], options());
    expect(JSON.parse(shown.stdout)).toHaveLength(1);
  });

  it("is in no row that a server refuses with what it was told", async () => {
    await runAndAsk("rows_refused", 0);
    const shown = await sluice(["quarantine", "show", "rows_refused", "--json"], options());
    expect(JSON.parse(shown.stdout)).toHaveLength(2);
    expect(shown.stdout).toContain("[redacted]");
    expectHidden(shown.stdout, shown.stderr);
    await runAndAsk("received", 0);
  });

  it.each(["gone", "away", "load_fails", "refused", "basic_refused", "token_refused", "tap_fails", "nonsense"])(
    "is not told when a connection fails: %s",
    async (pipeline) => {
      const { stderr } = await runAndAsk(pipeline, 1);
      expect(stderr).toMatch(/"error":\{"code":"(SOURCE|SINK)_/);
    },
  );

  it("is not told by a task that throws it, although no reference was resolved before", async () => {
    const { stderr } = await runAndAsk("throws", 1);
    expect(stderr).toContain("it was [redacted] and [redacted] and [redacted]");
  });

  it("is not told by an error of ours, in hint or details", async () => {
    const { stderr } = await runAndAsk("throws_ours", 1);
    expect(stderr).toContain("use [redacted]");
  });

  it("is not told by a task that logs it, in text, fields or JSON", async () => {
    const { stdout } = await runAndAsk("logs", 0);
    const { run } = JSON.parse(stdout) as { run: { id: string } };
    const logs = await sluice(["logs", run.id], options());
    expect(logs.stdout).toContain("with [redacted]");
  });

  it("is in no file while a run is under way, nor after it was killed: lock and write-ahead logs included", async () => {
    let child: ChildProcess | null = null;
    const running = sluice(["run", "hangs"], { ...options(), onStart: (process) => (child = process) });
    try {
      await expect.poll(() => existsSync(join(project.folder, "hanging")), { timeout: 20_000 }).toBe(true);
      // What was logged is stored within a moment.
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(readdirSync(home())).toEqual(expect.arrayContaining(["lock.json", "state.db-wal"]));
      expectNothingStored();
    } finally {
      killGroup(child!);
    }
    const { stdout, stderr } = await running;
    expectHidden(stdout, stderr);
    expect(readdirSync(home())).toEqual(expect.arrayContaining(["state.db-wal"]));
    expectNothingStored();
  });

  it("is not told by listing, querying or serving", async () => {
    const list = await sluice(["list", "--json"], options());
    expect(list.code).toBe(0);
    const query = await sluice(["query", "select * from gone.items", "--json"], options());
    expect(query.code).not.toBe(0);
    expectHidden(list.stdout, list.stderr, query.stdout, query.stderr);
    for (const command of ["list", "test"]) {
      for (const format of [[], ["--json"]]) {
        const told = await sluice(["connections", command, ...format], options());
        expectHidden(told.stdout, told.stderr);
      }
    }
    await withService(options(), async ({ url }) => {
      const { runs } = (await (await fetch(`${url}/api/runs?limit=100`)).json()) as { runs: { id: string }[] };
      expect(runs.length).toBeGreaterThan(8);
      for (const path of [
        "/",
        "/metrics",
        "/api/runs",
        "/api/quarantine",
        "/api/quarantine/rows_refused",
        "/api/pipelines",
        ...runs.map((run) => `/api/runs/${run.id}`),
      ]) {
        const response = await fetch(`${url}${path}`);
        expect(response.status).toBe(200);
        expectHidden(await response.text());
      }
    });
  });

  it("would have been found", () => {
    project.write(".sluice/note", `the token: ${secrets.token}`);
    expect(() => expectNothingStored()).toThrow(/zq7PlantedToken in note/);
    project.write(".sluice/note", "");
  });

  describe.skipIf(server === null)(`in PostgreSQL's address${server === null ? ` (${postgresMissing})` : ""}`, () => {
    it("opens the connection and is not told", async () => {
      await runAndAsk("shop", 0);
      const query = await sluice(["query", "select count(*) n from shop.pg_catalog.pg_class", "--json"], options());
      expectHidden(query.stdout, query.stderr);
    });

    it("is not told when the query fails, or when the server refuses it", async () => {
      await runAndAsk("shop_fails", 1);
      const wrong = new URL(env["DATABASE_URL"]!);
      wrong.password = `${wrong.password}wrong`;
      env = { ...env, DATABASE_URL: wrong.href };
      const { stderr } = await runAndAsk("shop", 1);
      expect(stderr).toMatch(/password authentication failed/);
    });
  });
});
