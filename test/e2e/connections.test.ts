// `sluice connections`: what is shown of a project's connections, and what a check says of each kind, working and broken.
// No secret of any of them is in anything that is printed.
import { chmodSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgresMissing, startPostgres } from "../postgres-server.ts";
import { sluice, sluiceJson, type CommandResult } from "./command.ts";
import { scratchProject, type ScratchProject } from "./scratch-project.ts";

const server = await startPostgres();
const config = `
import { defineConfig, env, file } from "sluice";
import { apiKey, basic, bearer, duckdb, files, http, inbox, lake, mysql, oauth2, postgres, s3, signature, singer, sqlite } from "sluice/connect";
const url = env("API_URL", { secret: false });
const retry = { limit: 0 };
const config = defineConfig({ connections: {
  warehouse: lake(),
  shop: sqlite("shop.db"),
  lost: sqlite("lost.db"),
  broken: sqlite("sluice.config.ts"),
  app: postgres(env("APP_URL")),
  gone: postgres("postgres://reader:zq7InTheCode@127.0.0.1:1/app"),
  open: http(url),
  mine: http(url, { auth: bearer(env("API_TOKEN")), checkPath: "/me" }),
  wrong: http(url, { auth: bearer(file("wrong.secret")), checkPath: "/me" }),
  coded: http(url, { auth: apiKey("x-key", "zq7KeyInTheCode"), headers: { "x-secret-token": "zq7HeaderInTheCode", accept: "application/json" }, checkPath: "/me" }),
  user: http(url, { auth: basic("me", env("API_PASSWORD")), checkPath: "/me" }),
  machine: http(url, { auth: oauth2({ tokenUrl: env("TOKEN_URL", { secret: false }), clientId: "me", clientSecret: env("CLIENT_SECRET"), scope: "all" }), checkPath: "/me" }),
  stranger: http(url, { auth: oauth2({ tokenUrl: env("TOKEN_URL", { secret: false }), clientId: "other", clientSecret: env("CLIENT_SECRET") }) }),
  unset: http(url, { auth: bearer(env("NOT_SET_ANYWHERE")) }),
  exports: files({ folder: "exports/tables" }),
  analytics: duckdb("analytics.duckdb"),
  torn: duckdb("sluice.config.ts"),
  away: mysql("mysql://reader:zq7InTheCode@127.0.0.1:1/shop"),
  bucket: s3({ bucket: "b", endpoint: "http://127.0.0.1:1", accessKeyId: "reader", secretAccessKey: "zq7SecretInTheCode" }),
  tap: singer("tap-that-is-nowhere", { config: { api_key: "zq7TapInTheCode", token: env("API_TOKEN") } }),
  orders: inbox({ verify: signature({ header: "x-signature", secret: env("HOOK_SECRET") }) }),
} });
export default config;
`;

describe("sluice connections", () => {
  let project: ScratchProject;
  let api: Server;
  let env: Record<string, string>;
  const secrets = {
    API_TOKEN: "zq7Token/+w",
    API_PASSWORD: "zq7Password:",
    CLIENT_SECRET: "zq7Client&%",
    HOOK_SECRET: "zq7Hook",
  };

  beforeAll(async () => {
    project = scratchProject({ "sluice.config.ts": config, "wrong.secret": "zq7Wrong\n" });
    const shop = new DatabaseSync(join(project.folder, "shop.db"));
    shop.exec("create table orders (id integer)");
    shop.close();
    api = createServer((request, response) => {
      const said = request.headers.authorization ?? "";
      const basicOf = (user: string, password: string): string => `Basic ${btoa(`${user}:${password}`)}`;
      const known = [
        `Bearer ${secrets.API_TOKEN}`,
        basicOf("me", secrets.API_PASSWORD),
        "Bearer zq7Issued",
        ...(request.headers["x-key"] === "zq7KeyInTheCode" ? [said] : []),
      ].includes(said);
      if (request.url === "/token") {
        const ok = said === basicOf("me", encodeURIComponent(secrets.CLIENT_SECRET));
        // It tells everyone what it was told.
        return void response
          .writeHead(ok ? 200 : 400)
          .end(JSON.stringify(ok ? { access_token: "zq7Issued", expires_in: 60 } : { error: "invalid_client", said }));
      }
      if (request.url === "/me") return void response.writeHead(known ? 200 : 401).end(JSON.stringify({ said }));
      response.writeHead(404).end("nothing at the base");
    });
    await new Promise<void>((resolve) => api.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
    env = {
      ...secrets,
      SLUICE_HOME: "",
      API_URL: url,
      TOKEN_URL: `${url}/token`,
      APP_URL: server?.url ?? "postgres://x:zq7@127.0.0.1:1/x",
    };
  });
  afterAll(async () => {
    project.remove();
    await new Promise((resolve) => api.close(resolve));
    await server?.stop();
  });

  const run = async (...args: string[]): Promise<CommandResult> => {
    const result = await sluice(["connections", ...args], { cwd: project.folder, env });
    // Every secret begins with it, and so does what a server gives or says back; base64 of it, too.
    for (const text of [result.stdout, result.stderr])
      for (const needle of ["zq7", btoa(`me:${secrets.API_PASSWORD}`).slice(0, 12), btoa("me:zq7").slice(0, 7)])
        expect(text).not.toContain(needle);
    return result;
  };
  interface Tested {
    readonly name: string;
    readonly ok: boolean;
    readonly server: string | null;
    readonly as: string | null;
    readonly reads: boolean | null;
    readonly writes: boolean | null;
    readonly problem: { readonly code: string; readonly message: string; readonly hint: string | null } | null;
  }
  const tested = async (...names: string[]): Promise<Tested[]> =>
    JSON.parse((await run("test", ...names, "--json")).stdout) as Tested[];

  it("lists them with references as they stand in the code, and without secrets", async () => {
    const text = await run("list");
    expect([text.code, text.stderr]).toEqual([0, ""]);
    expect(text.stdout).toMatch(/^app +postgres +url=env\(APP_URL\)$/m);
    expect(text.stdout).toMatch(/^gone +postgres +url=postgres:\/\/reader:\[redacted\]@127.0.0.1:1\/app$/m);
    expect(text.stdout).toMatch(/^warehouse +lake +-$/m);
    const listed = JSON.parse((await run("list", "--json")).stdout) as {
      name: string;
      settings: Record<string, unknown>;
    }[];
    const settings = Object.fromEntries(listed.map((one) => [one.name, one.settings]));
    expect(settings["machine"]).toMatchObject({
      url: "env(API_URL)",
      auth: {
        by: "oauth2",
        tokenUrl: "env(TOKEN_URL)",
        clientId: "me",
        clientSecret: "env(CLIENT_SECRET)",
        scope: "all",
      },
    });
    expect(settings["wrong"]).toMatchObject({ auth: { token: "file(wrong.secret)" } });
    expect(settings["coded"]).toMatchObject({
      auth: { header: "x-key", value: "[redacted]" },
      headers: { "x-secret-token": "[redacted]", accept: "application/json" },
    });
    expect(settings["orders"]).toMatchObject({ verify: { header: "x-signature", secret: "env(HOOK_SECRET)" } });
  });

  it("says of those that work what answers, who we are, and what we may", async () => {
    const { code, stdout, stderr } = await run(
      "test",
      "warehouse",
      "shop",
      "open",
      "mine",
      "coded",
      "user",
      "machine",
      "orders",
      "exports",
      "analytics",
    );
    expect([code, stderr]).toEqual([0, ""]);
    const line = (name: string): string => stdout.split("\n").find((one) => one.startsWith(`${name} `)) ?? "";
    expect(line("warehouse")).toMatch(/ yes +yes +- +embedded warehouse, 0 tables$/);
    expect(line("shop")).toMatch(/ yes +yes +- +SQLite 3\.\S+, 1 table$/);
    // Something answers; whether it can be read, only a path would tell.
    expect(line("open")).toMatch(/ \? +\? +- +http:\S+ answers 404$/);
    expect(line("mine")).toMatch(/ yes +\? +a bearer token +http:\S+\/me answers 200$/);
    expect(line("coded")).toMatch(/ yes +\? +a key in a header /);
    expect(line("user")).toMatch(/ yes +\? +a user with a password /);
    expect(line("machine")).toMatch(/ yes +\? +an OAuth 2.0 client /);
    expect(line("exports")).toMatch(/ yes +yes +- +the folder \S+exports\/tables, which the first load makes$/);
    expect(line("analytics")).toMatch(/ \? +yes +- +the DuckDB file \S+, which the first load makes$/);
    expect(line("orders")).toMatch(/ yes +no +- +POST \/hooks\/orders: 0 deliveries$/);
  });

  it("says of those that don't what stands in the way, a line each, with the exit code of the first", async () => {
    const names = ["lost", "broken", "gone", "wrong", "stranger", "unset", "torn", "away", "bucket", "tap"];
    const { code, stdout, stderr } = await run("test", "shop", ...names);
    expect(code).toBe(1);
    expect(stdout.match(/PROBLEM/g)).toHaveLength(names.length);
    const lines = stderr.trimEnd().split("\n");
    expect(lines.map((line) => /^error: (\w+): /.exec(line)?.[1])).toEqual(names);
    expect(lines[0]).toMatch(/There is no file \S+lost\.db/);
    expect(lines[1]).toMatch(/can't be read as a SQLite file/);
    expect(lines[2]).toMatch(/ECONNREFUSED|refused/i);
    expect(lines[3]).toMatch(
      /GET http:\S+\/me answered 401 Unauthorized\. Check the content of the file wrong\.secret/,
    );
    expect(lines[4]).toMatch(/POST http:\S+\/token answered 400 Bad Request\. Check the client's id, secret and scope/);
    expect(lines[5]).toMatch(/The environment variable NOT_SET_ANYWHERE is not set\. Set it/);
    expect(lines[6]).toMatch(/can't be opened as a DuckDB file/);
    expect(lines[7]).toMatch(/ECONNREFUSED|refused/i);
    expect(lines[8]).toMatch(/bucket/);
    expect(lines[9]).toMatch(/needs the command tap-that-is-nowhere, which isn't there/);
    // A missing reference is a matter of the configuration.
    expect((await run("test", "unset")).code).toBe(3);
    expect(await tested("unset", "shop")).toMatchObject([
      { name: "unset", ok: false, server: null, problem: { code: "REFERENCE_UNRESOLVED" } },
      { name: "shop", ok: true, reads: true, problem: null },
    ]);
  });

  it("tests all where none is named, and knows those that are defined", async () => {
    expect((await tested()).map(({ name }) => name)).toHaveLength(21);
    const { code, stderr } = await run("test", "shoop");
    expect(code).toBe(3);
    expect(stderr).toMatch(/There is no connection "shoop" in sluice\.config\.ts\. It defines warehouse, shop/);
  });

  it("sees what may not be written", async () => {
    const readOnly = scratchProject({
      "sluice.config.ts": `import { defineConfig } from "sluice"; import { lake } from "sluice/connect";
        export default defineConfig({ connections: { w: lake({ folder: "locked/lake" }), f: lake({ folder: "sluice.config.ts" }) } });`,
      "locked/note": "",
    });
    chmodSync(join(readOnly.folder, "locked"), 0o555);
    const [w, f] = await sluiceJson<Tested[]>(["connections", "test", "w"], { cwd: readOnly.folder }).then(
      async (found) => [
        found[0]!,
        (
          JSON.parse(
            (await sluice(["connections", "test", "f", "--json"], { cwd: readOnly.folder })).stdout,
          ) as Tested[]
        )[0]!,
      ],
    );
    // For root nothing is locked.
    expect(w).toMatchObject({ ok: true, writes: process.getuid?.() === 0 });
    expect(f).toMatchObject({ ok: false, problem: { code: "HOME_UNUSABLE" } });
    readOnly.remove();
  });

  describe.skipIf(server === null)(`PostgreSQL${server === null ? ` (${postgresMissing})` : ""}`, () => {
    it("is asked who we are and whether we may write", async () => {
      const [app] = await tested("app");
      expect(app).toMatchObject({ ok: true, as: "sluice", reads: true, writes: true });
      expect(app!.server).toMatch(/^PostgreSQL \d+\S*, database \w+$/);
      const url = new URL(server!.url);
      url.searchParams.set("options", "-c default_transaction_read_only=on");
      const readOnly = await sluice(["connections", "test", "app", "--json"], {
        cwd: project.folder,
        env: { ...env, APP_URL: url.href },
      });
      expect(JSON.parse(readOnly.stdout)).toMatchObject([{ ok: true, reads: true, writes: false }]);
    });
  });
});
