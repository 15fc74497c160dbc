import { tmpdir } from "node:os";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import type { Dataset } from "../../../src/dataset/dataset.ts";
import { openSession, type Row, type Session } from "../../../src/dataset/session.ts";
import { union, type UnionOptions } from "../../../src/dataset/union.ts";
import { readDataset, writeQuery } from "../../../src/dataset/write-dataset.ts";
import { silentLog } from "../../../src/log.ts";
import type { StepContext, StepResult } from "../../../src/pipeline/step.ts";
import { temporaryArtifacts } from "../../conformance/sink.ts";

let session: Session;
let artifacts: ReturnType<typeof temporaryArtifacts>;
beforeAll(async () => {
  session = await openSession({ temporaryFolder: tmpdir() });
});
afterAll(() => session.close());
beforeEach(() => {
  artifacts = temporaryArtifacts();
});
afterEach(() => artifacts.dispose());

async function unite(
  inputs: Readonly<Record<string, Dataset | null>>,
  options: UnionOptions = {},
): Promise<StepResult<Dataset>> {
  const handles = Object.fromEntries(Object.keys(inputs).map((name) => [name, { step: name }]));
  const context: StepContext = {
    runId: "run-1",
    pipeline: "p",
    step: "united",
    partition: null,
    params: null,
    item: null,
    attempt: 1,
    fence: 1,
    idempotencyKey: "k",
    inputs,
    signal: new AbortController().signal,
    log: silentLog,
    clock: systemClock,
    folder: tmpdir(),
  };
  return union(handles, options).execute(context, { session: async () => session, artifacts });
}
const dataset = (query: string): Promise<Dataset> => writeQuery(session, artifacts, query);
const rowsOf = (made: StepResult<Dataset>): Promise<Row[]> =>
  session.rows(`SELECT * FROM ${readDataset(made.output)} ORDER BY ALL`);

describe("union", () => {
  it("matches columns by name, fills with null what a dataset lacks, and keeps repeats", async () => {
    const made = await unite({
      web: await dataset("SELECT 1 AS id, 'a' AS name UNION ALL SELECT 1, 'a'"),
      app: await dataset("SELECT 'b' AS name, 2.5::DOUBLE AS price, 2 AS id"),
    });
    expect(made.rows).toEqual({ in: 3, out: 3, duplicate: 0, quarantined: 0 });
    expect(await rowsOf(made)).toEqual([
      { id: 1, name: "a", price: null },
      { id: 1, name: "a", price: null },
      { id: 2, name: "b", price: 2.5 },
    ]);
  });

  it("says of each row where it is from, where that is asked for", async () => {
    const web = await dataset("SELECT 1 AS id");
    expect(await rowsOf(await unite({ web, app: await dataset("SELECT 2 AS id") }, { source: "origin" }))).toEqual([
      { id: 1, origin: "web" },
      { id: 2, origin: "app" },
    ]);
    await expect(unite({ web }, { source: "id" })).rejects.toMatchObject({ code: "DEFINITION_INVALID" });
  });

  it("does without what is not there, but not without everything", async () => {
    const made = await unite({ web: await dataset("SELECT 1 AS id"), app: null });
    expect(await rowsOf(made)).toEqual([{ id: 1 }]);
    await expect(unite({ web: null, app: null })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("hands on the positions behind what it unites, each once", async () => {
    const position = { table: "w.t", reader: "p.web", from: null, to: { at: 1 }, repeats: false };
    const web: Dataset = { ...(await dataset("SELECT 1 AS id")), positions: [position] };
    const app: Dataset = {
      ...(await dataset("SELECT 2 AS id")),
      positions: [{ ...position, reader: "p.app" }, position],
    };
    const { output } = await unite({ web, app });
    expect(output.positions?.map(({ reader }) => reader).sort()).toEqual(["p.app", "p.web"]);
  });
});
