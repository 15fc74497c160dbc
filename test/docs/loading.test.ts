// What docs/guides/loading.md says of the write dispositions is tried, and what it says of destinations is what they say.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { duckdbSink } from "../../src/adapters/duckdb/sink.ts";
import { folderSink } from "../../src/adapters/files-table/local.ts";
import { httpSink } from "../../src/adapters/http/sink.ts";
import { lakeSink } from "../../src/adapters/lake/sink.ts";
import { mysqlSink } from "../../src/adapters/mysql/sink.ts";
import { postgresSink } from "../../src/adapters/postgres/sink.ts";
import { sqliteSink } from "../../src/adapters/sqlite/sink.ts";
import { lake } from "../../src/connect/lake.ts";
import type { Sink } from "../../src/connect/sink.ts";
import { sqlite } from "../../src/connect/sqlite.ts";
import { merge, retain, type WriteDisposition } from "../../src/connect/write-disposition.ts";
import { openSession, type Row, type Session } from "../../src/dataset/session.ts";
import { writeQuery } from "../../src/dataset/write-dataset.ts";
import { silentLog } from "../../src/log.ts";
import { temporaryArtifacts } from "../conformance/sink.ts";
import { readPage } from "./pages.ts";

const page = readPage("docs/guides/loading.md");

interface Example {
  readonly write: string;
  readonly there: Table;
  readonly loaded: Table;
  readonly after: Table;
}

interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A fence of TypeScript with a `write`, and the fence of text after it. */
const examples: Example[] = page.fences.flatMap((fence, position) => {
  const next = page.fences[position + 1];
  const write = /\{ write: (.*) \}\);/.exec(fence.text)?.[1];
  if (write === undefined || next?.info !== "text") return [];
  const [, names, ...rows] = next.text
    .trimEnd()
    .split("\n")
    .map((line) => line.split("|").map(words));
  const table = (side: number): Table => ({
    columns: names![side]!,
    rows: rows.map((row) => row[side]!).filter((cells) => cells.length > 0),
  });
  return [{ write, there: table(0), loaded: table(1), after: table(2) }];
});

function words(text: string): string[] {
  return text
    .trim()
    .split(/\s+/)
    .filter((word) => word !== "");
}

describe("the guide to loading", () => {
  const home = mkdtempSync(join(tmpdir(), "sluice-guide-"));
  const artifacts = temporaryArtifacts();
  let session: Session;
  beforeAll(async () => {
    session = await openSession({ temporaryFolder: home });
  });
  afterAll(async () => {
    session?.close();
    await artifacts.dispose();
    rmSync(home, { recursive: true, force: true });
  });

  const query = ({ columns, rows }: Table): string => {
    const type = (name: string): string =>
      name === "gone" ? "BOOLEAN" : /^(id|at|order)$/.test(name) ? "INTEGER" : "VARCHAR";
    const names = columns.map((name) => `"${name}"`);
    const casts = columns.map((name, position) => `${names[position]}::${type(name)} AS ${names[position]}`);
    const values = rows.map((row) => `(${row.map((cell) => `'${cell}'`).join(", ")})`);
    return `SELECT ${casts.join(", ")} FROM (VALUES ${values.join(", ")}) AS t(${names.join(", ")})`;
  };

  it.each([
    ["lake()", lakeSink, lake()("warehouse")],
    ["sqlite(path)", sqliteSink, sqlite("guide.db")("shop")],
  ] as const)("shows what happens in %s", async (_name, sink, connection) => {
    expect(examples.length).toBeGreaterThan(6);
    const context = {
      folder: home,
      home,
      signal: new AbortController().signal,
      log: silentLog,
      session: async () => session,
      resolve: String,
    };
    for (const [position, example] of examples.entries()) {
      // The page's own words.
      const write = new Function("merge", "retain", `return ${example.write}`)(merge, retain) as WriteDisposition;
      const table = connection.table(`example_${position}`);
      const first =
        typeof write === "object" && write.by === "merge" && write.strategy === "scd2" ? write : ("append" as const);
      for (const [index, [rows, how]] of (
        [
          [example.there, first],
          [example.loaded, write],
        ] as const
      ).entries()) {
        const dataset = await writeQuery(session, artifacts, query(rows));
        const at = Date.UTC(2026, 0, index + 1);
        await sink.load(
          { table, dataset, write: how, partition: null, loadKey: String(index), fence: index, at },
          context,
        );
      }
      const found = await sink.sample(table, example.after.columns, 100, context);
      const day = (value: unknown): string => (value === null ? "-" : String(value).replace(/ 00:00:00.*/, ""));
      const text = (row: Row): string => example.after.columns.map((name) => day(row[name])).join(" ");
      expect(found.map(text).sort(), example.write).toEqual(example.after.rows.map((row) => row.join(" ")).sort());
    }
  });

  it("says of each destination what its capabilities are", () => {
    const sinks: Readonly<Record<string, Sink>> = {
      "lake()": lakeSink,
      "postgres(url)": postgresSink,
      "mysql(url)": mysqlSink,
      "sqlite(path)": sqliteSink,
      "duckdb(path)": duckdbSink,
      "files({ folder })": folderSink,
      "http(url)": httpSink,
    };
    const [header] = /^\| destination .*$/m.exec(page.text)!;
    const writes = header
      .split("|")
      .slice(2, -3)
      .map((cell) => cell.trim());
    for (const [name, { capabilities }] of Object.entries(sinks)) {
      const can = writes.map((write) => (capabilities.writes.includes(write as never) ? "yes" : "no"));
      const row = `| \`${name}\` | ${[...can, capabilities.effect, capabilities.widens ? "yes" : "no"].join(" | ")} |`;
      expect(page.text).toContain(row);
      expect(capabilities.writes.filter((write) => !writes.includes(write))).toEqual([]);
    }
  });
});
