import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { attached, withFile } from "../../../src/adapters/duckdb/file.ts";
import { duckdbSink } from "../../../src/adapters/duckdb/sink.ts";
import { duckdb } from "../../../src/connect/duckdb.ts";
import { openSession } from "../../../src/dataset/session.ts";
import { writeQuery } from "../../../src/dataset/write-dataset.ts";
import { silentLog } from "../../../src/log.ts";
import { temporaryArtifacts, testSink, type SinkHarness } from "../../conformance/sink.ts";

async function createHarness(): Promise<SinkHarness & { readonly path: string }> {
  const home = mkdtempSync(join(tmpdir(), "sluice-duckdb-"));
  const path = join(home, "analytics.duckdb");
  const connection = duckdb("analytics.duckdb")("analytics");
  const session = await openSession({ temporaryFolder: join(home, "spill") });
  return {
    path,
    adapter: duckdbSink,
    table: (name) => connection.table(name),
    context: {
      folder: home,
      home,
      signal: new AbortController().signal,
      log: silentLog,
      session: async () => session,
      resolve: String,
    },
    // A second instance in this process would see a file that is being written as it isn't: readings take turns with loads.
    rows: async (table) => {
      const name = (table.name.includes(".") ? table.name : `main.${table.name}`)
        .split(".")
        .map((part) => `"${part}"`)
        .join(".");
      const read = await withFile(
        path,
        "read",
        async () => session,
        async () => {
          const rows = await session.rows(`SELECT count(*) AS n FROM duckdb_tables() WHERE database_name = '${attached}'
          AND schema_name || '.' || table_name = '${name.replaceAll('"', "")}'`);
          return String(rows[0]!["n"]) === "0" ? [] : session.rows(`SELECT * FROM ${attached}.${name}`);
        },
      );
      return read ?? [];
    },
    dispose: async () => {
      session.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

testSink({ name: "duckdb", writes: duckdbSink.capabilities.writes, create: createHarness });

it("a DuckDB file that another process holds is told in one line, and can be loaded once it is free", async () => {
  const harness = await createHarness();
  const artifacts = temporaryArtifacts();
  try {
    const dataset = await writeQuery(await harness.context.session(), artifacts, "SELECT 1 AS id");
    const load = (loadKey: string): Promise<unknown> =>
      harness.adapter.load(
        { table: harness.table("t"), dataset, write: "append", partition: null, loadKey, fence: 1 },
        harness.context,
      );
    await load("a");
    const script = `const { DuckDBInstance } = await import("@duckdb/node-api");
      globalThis.held = await DuckDBInstance.create(process.argv[1]); console.log("held"); setInterval(() => {}, 1000);`;
    const other = spawn(process.execPath, ["--input-type=module", "-e", script, harness.path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = new Promise((resolve) => other.once("exit", resolve));
    await new Promise((resolve) => other.stdout.once("data", resolve));
    const error = await load("b").then(
      () => undefined,
      (thrown: unknown) => thrown as Error,
    );
    expect(error).toMatchObject({ code: "SINK_UNAVAILABLE", retryable: true });
    expect(error!.message).toMatch(new RegExp(`held by another process.*PID ${other.pid}`));
    expect(error!.message).not.toContain("\n");
    other.kill("SIGKILL");
    await ended;
    await load("b");
    expect(await harness.rows(harness.table("t"))).toHaveLength(2);
  } finally {
    await artifacts.dispose();
    await harness.dispose();
  }
});
