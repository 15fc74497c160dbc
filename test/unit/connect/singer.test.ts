// Singer taps as processes: a small tap of the test's own, which does what it is configured to do.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { columnsOf } from "../../../src/adapters/singer/columns.ts";
import { checkSinger } from "../../../src/adapters/singer/check.ts";
import { singerRange, singerSource } from "../../../src/adapters/singer/source.ts";
import { systemClock } from "../../../src/clock.ts";
import { defineConfig, env, resolveSetting } from "../../../src/config.ts";
import { extract } from "../../../src/connect/extract.ts";
import { bookmark } from "../../../src/connect/incremental.ts";
import { lake } from "../../../src/connect/lake.ts";
import { load } from "../../../src/connect/load.ts";
import type { ConnectNeeds } from "../../../src/connect/needs.ts";
import { rejectNothing } from "../../../src/connect/rejected-rows.ts";
import { singer, type SingerOptions, type StreamOptions, type TapSetting } from "../../../src/connect/singer.ts";
import type { ReadRange, Source, SourceContext } from "../../../src/connect/source.ts";
import { openSession, type Row, type Session } from "../../../src/dataset/session.ts";
import { readDataset } from "../../../src/dataset/write-dataset.ts";
import type { Json } from "../../../src/json.ts";
import { createLog, silentLog, type LogLine } from "../../../src/log.ts";
import { pipeline } from "../../../src/pipeline/pipeline.ts";
import type { StepContext, StepSpec } from "../../../src/pipeline/step.ts";
import { memoryQuarantineStore } from "../../../src/quality/memory-quarantine-store.ts";
import { lakeSink } from "../../../src/adapters/lake/sink.ts";
import { temporaryArtifacts } from "../../conformance/sink.ts";
import { testSource } from "../../conformance/source.ts";
import { failure } from "./http-harness.ts";

const tapFile = fileURLToPath(new URL("fixtures/tap.mjs", import.meta.url));
let folder: string;
let session: Session;
let artifacts: ReturnType<typeof temporaryArtifacts>;
let lines: LogLine[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-singer-"));
  await mkdir(join(folder, "spill"));
  session = await openSession({ temporaryFolder: join(folder, "spill") });
  artifacts = temporaryArtifacts();
  lines = [];
});
afterEach(async () => {
  vi.unstubAllEnvs();
  session.close();
  await artifacts.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const contextWith = (more: Partial<SourceContext> = {}): SourceContext => ({
  folder,
  home: folder,
  signal: new AbortController().signal,
  log: createLog((line) => lines.push(line), systemClock.now),
  clock: systemClock,
  reject: rejectNothing,
  artifacts,
  session: async () => session,
  resolve: (setting) => resolveSetting(setting, folder),
  ...more,
});
type Config = Readonly<Record<string, TapSetting>>;
const tap = (config: Config, options: SingerOptions = {}) =>
  singer(process.execPath, { args: [tapFile], config, ...options })("github");
const issues = (config: Config, options: SingerOptions = {}, stream: StreamOptions = {}): Source =>
  JSON.parse(JSON.stringify(tap(config, options).stream("issues", stream))) as Source;
const rowsOf = async (source: Source): Promise<Row[]> =>
  session.rows(`FROM ${readDataset(await singerSource(source, contextWith()))}`);
const record = (id: number): { readonly id: number; readonly label: string } => ({ id, label: `row ${id}` });
/** Files for the tap lie here while it runs. */
const leftBehind = (): string[] => (existsSync(join(folder, "tmp")) ? readdirSync(join(folder, "tmp")) : []);
const witness = (): {
  mode: string;
  path: string;
  config: Record<string, unknown>;
  argv: string[];
  pid: number;
  state: unknown;
} => JSON.parse(readFileSync(join(folder, "witness"), "utf8"));
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // One that nobody has waited for yet is there, and dead.
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
};

describe("a tap", () => {
  it("gives the records of one stream, with the types of its schema and every digit", async () => {
    const records = [
      { id: 1, label: "é", price: 12.1, updated_at: "2026-01-31T10:00:00.123456+01:00", tags: ["a", "b"] },
      { id: 2, label: null, price: null, updated_at: null, tags: [] },
    ];
    const dataset = await singerSource(issues({ records }), contextWith());
    expect(dataset.columns).toEqual([
      { name: "id", type: "BIGINT" },
      { name: "label", type: "VARCHAR" },
      { name: "price", type: "DECIMAL(38,2)" },
      { name: "updated_at", type: "TIMESTAMP WITH TIME ZONE" },
      { name: "tags", type: "VARCHAR" },
    ]);
    expect(await session.rows(`FROM ${readDataset(dataset)}`)).toEqual([
      { id: "1", label: "é", price: "12.10", updated_at: "2026-01-31 09:00:00.123456+00", tags: '["a","b"]' },
      { id: "2", label: null, price: null, updated_at: null, tags: "[]" },
    ]);
  });

  it("is asked for the stream alone, and for no field that isn't wanted", async () => {
    const rows = await rowsOf(issues({ records: [record(1)] }, {}, { without: ["price", "tags", "updated_at"] }));
    expect(rows).toEqual([{ id: "1", label: "row 1" }]);
    // One that knows no catalog sends all it has.
    const whole = await rowsOf(
      issues({ records: [record(1)], noCatalog: true }, { discover: false }, { without: ["price"] }),
    );
    expect(whole).toEqual([{ id: "1", label: "row 1", updated_at: null, tags: null }]);
  });

  it("gets its secrets in a file that only this user may read, and that is gone afterwards", async () => {
    vi.stubEnv("TAP_TOKEN", "planted-token");
    const config: Config = {
      witness: join(folder, "witness"),
      records: [record(1)],
      token: env("TAP_TOKEN"),
      nested: [{ key: env("TAP_TOKEN") }],
    };
    await rowsOf(issues(config));
    const seen = witness();
    expect(seen).toMatchObject({ mode: "600", config: { token: "planted-token", nested: [{ key: "planted-token" }] } });
    expect(seen.argv.join(" ")).not.toContain("planted");
    expect(existsSync(seen.path)).toBe(false);
    expect(leftBehind()).toEqual([]);
    // What it says on stderr is in the log, without the secret.
    expect(lines.map(({ message }) => message)).toContain("INFO starting with the token [redacted]");
  });

  it("that fails leaves nothing behind, and its last words are told without secrets", async () => {
    vi.stubEnv("TAP_TOKEN", "planted-token");
    const error = await failure(rowsOf(issues({ records: [record(1)], fails: true, token: env("TAP_TOKEN") })));
    expect(error).toMatchObject({ code: "SOURCE_UNAVAILABLE", retryable: true });
    expect(error.message).toMatch(
      /of the connection "github", ended with exit code 1: CRITICAL the token \[redacted\] is wrong$/,
    );
    expect(JSON.stringify([error, lines])).not.toContain("planted");
    expect(readdirSync(artifacts.folder)).toEqual([]);
    expect(leftBehind()).toEqual([]);
  });

  it.each(["yes", "stubborn"])(
    "that doesn't end is killed when the step is stopped, with what it has started: %s",
    async (hang) => {
      const stop = new AbortController();
      const path = join(folder, "witness");
      const reading = singerSource(
        issues({ witness: path, records: [record(1)], hang }),
        contextWith({ signal: stop.signal }),
      );
      const failed = failure(reading);
      await expect.poll(() => existsSync(`${path}.child`), { timeout: 20_000 }).toBe(true);
      stop.abort(new Error("stopped"));
      expect(await failed).toMatchObject({ message: "stopped" });
      await expect
        .poll(() => isAlive(witness().pid) || isAlive(Number(readFileSync(`${path}.child`, "utf8"))), {
          timeout: 10_000,
        })
        .toBe(false);
      expect(leftBehind()).toEqual([]);
    },
    40_000,
  );

  it.each<[string, Config, string, RegExp]>([
    ["prints what is no message", { lines: ["hello"] }, "SOURCE_MALFORMED", /no message, in line 1/],
    [
      "sends a record before its schema",
      { lines: ['{"type":"RECORD","stream":"issues","record":{"id":1}}'] },
      "SOURCE_MALFORMED",
      /a record before its schema, in line 1/,
    ],
    [
      "sends another stream only",
      { lines: ['{"type":"SCHEMA","stream":"users","schema":{}}'] },
      "SOURCE_MISSING",
      /sends nothing, not even its schema/,
    ],
    [
      "sends a schema without fields",
      { lines: ['{"type":"SCHEMA","stream":"issues","schema":{}}'] },
      "SOURCE_COLUMNS",
      /announces no fields/,
    ],
    [
      "sends what its schema doesn't allow",
      { records: [{ id: "many" }] },
      "SOURCE_MALFORMED",
      /record 1 has "many" as "id", which is no BIGINT/,
    ],
    [
      "changes its schema in the middle",
      {
        lines: [
          '{"type":"SCHEMA","stream":"issues","schema":{"properties":{"id":{"type":"integer"}}}}',
          '{"type":"SCHEMA","stream":"issues","schema":{"properties":{"id":{"type":"string"}}}}',
        ],
      },
      "SOURCE_COLUMNS",
      /changes its schema in the middle: "id" is VARCHAR now/,
    ],
    [
      "sends batches as files",
      { lines: ['{"type":"BATCH","stream":"issues"}'] },
      "SOURCE_MALFORMED",
      /batches as files/,
    ],
    ["knows no catalog", { noCatalog: true }, "SOURCE_UNAVAILABLE", /exit code 2: unrecognized arguments/],
  ])("that %s is told in one line, and ended", async (_what, config, code, message) => {
    const error = await failure(rowsOf(issues({ records: [], ...config })));
    expect(error).toMatchObject({ code });
    expect(error.message).toMatch(message);
    expect(readdirSync(artifacts.folder)).toEqual([]);
    expect(leftBehind()).toEqual([]);
  });

  it("that isn't installed, or has no such stream, is told", async () => {
    const none = singer("tap-that-is-nowhere")("github").stream("issues");
    const error = await failure(singerSource(none, contextWith()));
    expect(error).toMatchObject({ code: "DEPENDENCY_MISSING" });
    expect(error.hint).toContain("pipx install tap-that-is-nowhere");
    const other = await failure(singerSource(tap({ records: [] }).stream("commits"), contextWith()));
    expect(other).toMatchObject({ code: "SOURCE_MISSING", hint: "It has issues, users." });
  });

  it("says in the log which fields it sends that its schema doesn't have", async () => {
    const rows = await rowsOf(issues({ records: [{ id: 1, surplus: true }] }));
    expect(rows).toHaveLength(1);
    expect(lines.find(({ level }) => level === "warn")).toMatchObject({ fields: { fields: ["surplus"] } });
  });

  it("can be asked what it has", async () => {
    const found = await checkSinger(tap({ records: [] }), contextWith());
    expect(found).toMatchObject({ reads: true, writes: false });
    expect(found.server).toMatch(/: issues, users$/);
    expect(await checkSinger(tap({}, { discover: false }), contextWith())).toMatchObject({ reads: null });
  });
});

describe("the state of a tap", () => {
  const range = (text: string | null): ReadRange => ({
    by: "state",
    cursor: null,
    from: text === null ? null : { type: "state", text },
    until: null,
    nulls: true,
  });

  it("is given back to it, and only what it says at its end counts", async () => {
    writeFileSync(join(folder, "data"), JSON.stringify([record(1), record(2)]));
    const config: Config = { data: join(folder, "data"), witness: join(folder, "witness") };
    const first = await singerRange(issues(config), range(null), contextWith());
    expect(first.dataset.rows).toBe(2);
    expect(first.until).toEqual({ type: "state", text: '{"bookmarks":{"issues":2}}' });
    expect(witness().state).toBe(null);
    writeFileSync(join(folder, "data"), JSON.stringify([record(1), record(2), record(9007199254740991)]));
    const second = await singerRange(issues(config), range(first.until!.text), contextWith());
    expect(witness().state).toEqual({ bookmarks: { issues: 2 } });
    expect((await session.rows(`SELECT id FROM ${readDataset(second.dataset)}`)).map((row) => row["id"])).toEqual([
      "2",
      "9007199254740991",
    ]);
    expect(second.until!.text).toBe('{"bookmarks":{"issues":9007199254740991}}');
    const failed = singerRange(issues({ ...config, fails: true }), range(second.until!.text), contextWith());
    expect(await failure(failed)).toMatchObject({ code: "SOURCE_UNAVAILABLE" });
  });

  it("is the only way to read on", async () => {
    const byValue: ReadRange = { ...range(null), by: "value", cursor: "id" };
    expect(await failure(singerRange(issues({ records: [] }), byValue, contextWith()))).toMatchObject({
      code: "DEFINITION_INVALID",
      hint: "Use bookmark() as the cursor.",
    });
  });
});

describe("a bookmark", () => {
  const { warehouse } = defineConfig({ connections: { warehouse: lake() } }).connections;
  const needs = (): ConnectNeeds => ({
    artifacts,
    session: async () => session,
    home: folder,
    resolve: (setting) => resolveSetting(setting, folder),
    sources: { singer: singerSource },
    ranges: { singer: singerRange },
    sinks: { lake: async () => ({ ...lakeSink, position: async () => stored }) },
    quarantine: memoryQuarantineStore(),
  });
  let stored: Json = null;
  const step: StepContext = {
    runId: "r",
    pipeline: "p",
    step: "issues",
    partition: null,
    params: null,
    item: null,
    attempt: 1,
    fence: 1,
    idempotencyKey: "k",
    inputs: {},
    signal: new AbortController().signal,
    log: silentLog,
    clock: systemClock,
    get folder() {
      return folder;
    },
  };

  it("goes with the rows, is read from, and can't be appended by", async () => {
    const config: Config = { records: [record(1), record(2)], witness: join(folder, "witness") };
    const spec = extract(issues(config), { incremental: { cursor: bookmark(), into: warehouse.table("issues") } });
    const { output } = await spec.execute(step, needs());
    expect(output.positions).toMatchObject([
      { table: "warehouse.issues", reader: "p.issues", from: null, repeats: true },
    ]);
    stored = output.positions![0]!.to;
    expect(await spec.execute(step, needs())).toMatchObject({ output: { rows: 1 } });
    expect(witness().state).toEqual({ bookmarks: { issues: 2 } });
    const definition = pipeline("p", ({ step: add }) => {
      const rows = add("issues", extract(issues(config)));
      add("load", load(rows, warehouse.table("issues")));
    });
    const appended = definition.specs(null).get("load") as StepSpec<unknown, ConnectNeeds>;
    const error = await failure(appended.execute({ ...step, inputs: { from: output } }, needs()));
    expect(error).toMatchObject({ code: "DEFINITION_INVALID" });
    expect(error.hint).toContain("merge(key)");
    stored = null;
  });

  it("takes no lag and no start", () => {
    const wrong = () =>
      extract(issues({}), { incremental: { cursor: bookmark(), lag: "1h", into: warehouse.table("issues") } });
    expect(wrong).toThrow(/bookmark\(\) needs no `lag` and takes no `start`/);
  });
});

it("types follow the schema where it has one, and are text where it has several", () => {
  const types = (properties: object): string[] => columnsOf({ properties }, []).map(({ type }) => type);
  expect(
    types({
      a: { type: "integer" },
      b: { type: ["integer", "number"] },
      c: { type: ["integer", "string"] },
      d: { type: "string", format: "date" },
      e: { anyOf: [{ type: "null" }, { type: "boolean" }] },
      f: { type: ["null", "object"], properties: {} },
      g: {},
      h: { type: "number", multipleOf: 1e-38 },
      i: { type: "number", multipleOf: 0.25 },
      j: { type: "number", multipleOf: 1 },
      k: { anyOf: [{ type: "string", format: "date-time" }, { type: "string" }] },
      l: { type: "null" },
    }),
  ).toEqual([
    "BIGINT",
    "DOUBLE",
    "VARCHAR",
    "DATE",
    "BOOLEAN",
    "VARCHAR",
    "VARCHAR",
    "DOUBLE",
    "DOUBLE",
    "DECIMAL(38,0)",
    "VARCHAR",
    "VARCHAR",
  ]);
});

testSource({
  name: "singer",
  create: async () => {
    const home = mkdtempSync(join(tmpdir(), "sluice-singer-suite-"));
    await mkdir(join(home, "spill"));
    const own = await openSession({ temporaryFolder: join(home, "spill") });
    const kept = temporaryArtifacts();
    const data = join(home, "data.json");
    const schema = { type: "object", properties: { id: { type: "string" }, label: { type: ["null", "string"] } } };
    const stream = singer(process.execPath, { args: [tapFile], config: { data, schema } })("github");
    return {
      adapter: singerSource,
      context: { ...contextWith(), folder: home, home, artifacts: kept, session: async () => own },
      artifactFolder: kept.folder,
      holding: async (rows) => {
        writeFileSync(data, JSON.stringify(rows));
        return stream.stream("issues");
      },
      missing: async () => {
        writeFileSync(data, "[]");
        return stream.stream("nothing");
      },
      dispose: async () => {
        own.close();
        await kept.dispose();
        rmSync(home, { recursive: true, force: true });
      },
    };
  },
});
