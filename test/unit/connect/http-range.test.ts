// Reading what is new of an HTTP API: bounds as its parameters, and what is outside dropped. Against servers that run here.
import { mkdtempSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createHttpRange } from "../../../src/adapters/http/range.ts";
import { http, type GetOptions, type RangeParameters } from "../../../src/connect/http.ts";
import { extract } from "../../../src/connect/extract.ts";
import { lake } from "../../../src/connect/lake.ts";
import type { ConnectNeeds } from "../../../src/connect/needs.ts";
import type { RangeRead, ReadRange, Source } from "../../../src/connect/source.ts";
import { manualClock } from "../../../src/clock.ts";
import { openSession, type Session } from "../../../src/dataset/session.ts";
import { readDataset } from "../../../src/dataset/write-dataset.ts";
import type { Json } from "../../../src/json.ts";
import { silentLog } from "../../../src/log.ts";
import type { StepContext } from "../../../src/pipeline/step.ts";
import { memoryQuarantineStore } from "../../../src/quality/memory-quarantine-store.ts";
import { lakeSink } from "../../../src/adapters/lake/sink.ts";
import { temporaryArtifacts } from "../../conformance/sink.ts";
import { contextWith, failure, json, serve } from "./http-harness.ts";

let session: Session;
let folder: string;
let artifacts: ReturnType<typeof temporaryArtifacts>;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-http-range-"));
  await mkdir(join(folder, "spill"));
  session = await openSession({ temporaryFolder: join(folder, "spill") });
  artifacts = temporaryArtifacts();
});
afterEach(async () => {
  session.close();
  await artifacts.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const read = createHttpRange();
const columns = {
  id: { from: "id", type: "BIGINT" },
  at: { from: "at", type: "TIMESTAMP WITH TIME ZONE" },
} as const;
const sourceOf = (url: string, range?: RangeParameters, more: Partial<GetOptions> = {}): Source => {
  const options = { columns, ...(range === undefined ? {} : { range: { at: range } }), ...more };
  return JSON.parse(JSON.stringify(http(url)("api").get("/orders", options))) as Source;
};
const between = (from: string | null, until: string | "clock" | null, nulls = false): ReadRange => ({
  by: "value",
  cursor: "at",
  from: from === null ? null : { type: "", text: from },
  until: until === "clock" || until === null ? until : { type: "", text: until },
  nulls,
});
const context = () => contextWith({ session: async () => session, artifacts });
const idsOf = async ({ dataset }: RangeRead): Promise<number[]> =>
  (await session.rows(`SELECT id FROM ${readDataset(dataset)} ORDER BY id`)).map((row) => Number(row["id"]));

/** An API whose records are all sent, whatever it is asked; what it was asked is kept. */
async function api(
  records: readonly object[],
  date?: string,
): Promise<{ url: string; asked: Record<string, string>[] }> {
  const asked: Record<string, string>[] = [];
  const url = await serve((_request, response, address) => {
    asked.push(Object.fromEntries(address.searchParams));
    json(response, records, date === undefined ? {} : { date });
  });
  return { url, asked };
}

describe("bounds", () => {
  it.each<[string, RangeParameters, string, string, string | null]>([
    ["as ISO 8601", { from: "since" }, "2026-01-31 10:00:00.123456+00", "2026-01-31T10:00:00.123456Z", null],
    ["of another zone", { from: "since" }, "2026-01-31 10:00:00+01", "2026-01-31T09:00:00.000000Z", null],
    [
      "of an API that leaves out what is equal",
      { from: "after", exclusive: true },
      "2026-01-31 10:00:00+00",
      "2026-01-31T09:59:59.999999Z",
      null,
    ],
    [
      "as seconds, rounded outwards",
      { from: "since", until: "before", format: "seconds" },
      "2026-01-31 10:00:00.5+00",
      "1769853600",
      "1769857201",
    ],
    [
      "as seconds, before",
      { from: "since", format: "seconds", exclusive: true },
      "2026-01-31 10:00:00.5+00",
      "1769853599",
      null,
    ],
    [
      "as milliseconds",
      { from: "since", until: "before", format: "milliseconds" },
      "2026-01-31 10:00:00.0005+00",
      "1769853600000",
      "1769857200500",
    ],
    [
      "as dates",
      { from: "since", until: "before", format: "date" },
      "2026-01-31 10:00:00+00",
      "2026-01-31",
      "2026-02-01",
    ],
  ])("go along %s", async (_what, range, from, sent, sentUntil) => {
    const { url, asked } = await api([]);
    await read(sourceOf(url, range, { query: { per_page: 5 } }), between(from, "2026-01-31 11:00:00.5+00"), context());
    expect(asked).toEqual([
      { per_page: "5", [range.from]: sent, ...(sentUntil === null ? {} : { [range.until!]: sentUntil }) },
    ]);
  });

  it("of midnight as a date are that day, and none is sent where there is none", async () => {
    const { url, asked } = await api([]);
    const range = { from: "since", until: "before", format: "date" } as const;
    await read(sourceOf(url, range), between(null, "2026-02-01 00:00:00+00"), context());
    await read(sourceOf(url, range), between(null, null), context());
    expect(asked).toEqual([{ before: "2026-02-01" }, {}]);
  });

  it("may be numbers, with every digit", async () => {
    const { url, asked } = await api([{ id: "9007199254740992" }, { id: "9007199254740993" }]);
    const source = http(url)("api").get("/orders", {
      columns: { id: columns.id },
      range: { id: { from: "after_id", exclusive: true } },
    });
    const range: ReadRange = { ...between("9007199254740993", null), cursor: "id" };
    const found = await read(source, range, context());
    expect(asked).toEqual([{ after_id: "9007199254740992" }]);
    expect((await session.rows(`SELECT id FROM ${readDataset(found.dataset)}`)).map((row) => row["id"])).toEqual([
      "9007199254740993",
    ]);
  });
});

describe("records outside", () => {
  const records = [
    { id: 1, at: "2026-01-31T09:59:59.999999Z" },
    { id: 2, at: "2026-01-31T10:00:00Z" },
    { id: 3, at: "2026-01-31T10:30:00Z" },
    { id: 4, at: "2026-01-31T11:00:00Z" },
    { id: 5, at: null },
  ];
  const range = { from: "since" };

  it("are dropped, where the API sends more than it was asked for", async () => {
    const { url } = await api(records);
    const part = async (one: ReadRange): Promise<number[]> => idsOf(await read(sourceOf(url, range), one, context()));
    expect(await part(between("2026-01-31 10:00:00+00", "2026-01-31 11:00:00+00"))).toEqual([2, 3]);
    expect(await part(between("2026-01-31 10:00:00+00", null))).toEqual([2, 3, 4]);
    expect(await part(between(null, null, true))).toEqual([1, 2, 3, 4, 5]);
    expect(await part(between("2026-01-31 11:00:00+00", null, true))).toEqual([4, 5]);
  });

  it("are those of the future by the API's own clock", async () => {
    const { url } = await api(records, "Sat, 31 Jan 2026 10:30:00 GMT");
    const found = await read(sourceOf(url, range), between(null, "clock"), context());
    expect(await idsOf(found)).toEqual([1, 2]);
    expect(found.until).toEqual({ type: "TIMESTAMP WITH TIME ZONE", text: "2026-01-31 10:30:00+00" });
  });
});

it("an API that can't be asked so is told of in one line", async () => {
  const { url } = await api([]);
  const error = await failure(read(sourceOf(url), between(null, null), context()));
  expect(error).toMatchObject({ code: "DEFINITION_INVALID" });
  expect(error.message).toBe('incremental: get("/orders") of "api" can\'t be asked by "at"');
  const get = (range: Record<string, RangeParameters>) => () =>
    http(url)("api").get("/o", { columns: { id: "id" }, range });
  expect(get({ at: { from: "x" } })).toThrow(/range of "at", which is no column/);
  expect(get({ id: { from: "x", format: "date" } })).toThrow(/bounds of "id" as times, but it is VARCHAR/);
});

it("what comes bit by bit, with ties and late rows within the lag, arrives once each", async () => {
  const warehouse = lake()("warehouse");
  const rounds = fc.array(fc.array(fc.integer({ min: -2, max: 3 }), { maxLength: 5 }), { minLength: 1, maxLength: 5 });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(rounds, fc.constantFrom("iso", "seconds", "date"), async (history, format) => {
      const records: { id: number; at: string }[] = [];
      const start = Date.parse("2026-01-31T10:00:00Z");
      let now = start;
      // Only what was changed since, as it should; the server's clock is the history's.
      const url = await serve((_request, response, address) => {
        const since = address.searchParams.get("since");
        const from = since === null ? -Infinity : format === "seconds" ? Number(since) * 1000 : Date.parse(since);
        const page = records.filter(({ at }) => Date.parse(at) >= from);
        json(response, page, { date: new Date(now + 60_000).toUTCString() });
      });
      const name = `orders_${(run += 1)}`;
      const spec = extract(sourceOf(url, { from: "since", format: format as "iso" }), {
        incremental: { cursor: "at", lag: "3s", into: warehouse.table(name) },
      });
      let stored: Json = null;
      const needs: ConnectNeeds = {
        artifacts,
        session: async () => session,
        home: folder,
        resolve: String,
        sources: {},
        ranges: { http: read },
        sinks: { lake: async () => ({ ...lakeSink, position: async () => stored }) },
        quarantine: memoryQuarantineStore(),
      };
      const arrived: number[] = [];
      for (const seconds of history) {
        now += 5_000;
        // Behind the last reading by less than the lag, or ahead.
        for (const ago of seconds)
          records.push({ id: records.length + 1, at: new Date(now - 5_000 + ago * 1_000 + 1_000).toISOString() });
        const step = {
          pipeline: "p",
          step: "s",
          partition: null,
          folder,
          signal: new AbortController().signal,
          log: silentLog,
          clock: manualClock(now),
        };
        const { output } = await spec.execute(step as unknown as StepContext, needs);
        stored = output.positions?.[0]?.to ?? stored;
        arrived.push(...(await session.rows(`SELECT id FROM ${readDataset(output)}`)).map((row) => Number(row["id"])));
      }
      expect(arrived.sort((a, b) => a - b)).toEqual(records.map(({ id }) => id));
    }),
    { numRuns: 12 },
  );
});
