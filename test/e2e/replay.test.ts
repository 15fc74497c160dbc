// A quarantined row that is replayed is loaded exactly once, whatever is killed in between: into a table that is added to
// and into one that is replaced.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { killGroup, sluice, sluiceJson, type RunJson } from "./command.ts";
import { configWithWarehouse, scratchProject, type ScratchProject } from "./scratch-project.ts";

const pipeline = (name: string, write: string, minimum = 0): string => `
import { extract, load, pipeline } from "sluice";
import { csv } from "sluice/connect";
import { contract, validate } from "sluice/quality";
import { z } from "zod";
import { warehouse } from "../sluice.config.ts";

const event = contract("event", { row: z.strictObject({ id: z.int(), amount: z.number().min(${minimum}) }) });

export default pipeline("${name}", ({ step }) => {
  const rows = step("rows", extract(csv("data/events.csv")));
  const clean = step("clean", validate(rows, event));
  step("load", load(clean, warehouse.table("${name}"), { write: "${write}" }));
});
`;
const count = 3000;
/** Every 100th amount is no number, every 150th is negative. */
const csv = `id,amount\n${Array.from({ length: count }, (_, id) => `${id},${id % 100 === 7 ? "n/a" : id % 150 === 9 ? -5 : 1}`).join("\n")}\n`;
const isBroken = (id: number): boolean => id % 100 === 7 || id % 150 === 9;
const broken = Array.from({ length: count }, (_, id) => id).filter(isBroken);

let project: ScratchProject;
const options = (): { cwd: string; env: Record<string, string> } => ({ cwd: project.folder, env: { SLUICE_HOME: "" } });
const json = <T>(...args: string[]): Promise<T> => sluiceJson<T>(args, options());
const totals = async (table: string): Promise<object> =>
  (
    await json<object[]>(
      "query",
      `select count(*)::int as n, count(distinct id)::int as ids, sum(amount)::int as amount from warehouse.${table}`,
    )
  )[0]!;

beforeAll(() => {
  project = scratchProject({
    "sluice.config.ts": configWithWarehouse,
    "pipelines/added.ts": pipeline("added", "append"),
    "pipelines/replaced.ts": pipeline("replaced", "replace"),
    "data/events.csv": csv,
  });
});
afterAll(() => project.remove());

/** Exports, and makes every amount 2. */
async function mend(name: string, file: string): Promise<number> {
  const result = await sluice(["quarantine", "export", name, "-o", file], options());
  expect(result).toMatchObject({ code: 0, stderr: expect.stringMatching(/^\d+ rows in /) });
  const lines = readFileSync(join(project.folder, file), "utf8").trimEnd().split("\n");
  writeFileSync(
    join(project.folder, file),
    lines
      .map((line) => {
        const { record, row } = JSON.parse(line) as { record: number; row: Record<string, unknown> };
        return JSON.stringify({ record, row: { ...row, amount: "2" } });
      })
      .join("\n"),
  );
  return lines.length;
}

describe.each(["added", "replaced"])("rows of quarantine, replayed into a table that is %s", (name) => {
  it("are loaded once: after a change of the rows, and after a change of the contract", async () => {
    await json("run", name);
    const before = { n: count - broken.length, ids: count - broken.length, amount: count - broken.length };
    expect(await totals(name)).toEqual(before);
    // Nothing was mended: nothing is loaded, and nothing is lost.
    const idle = await json<RunJson>("quarantine", "replay", name);
    expect(idle.run.status).toBe("succeeded");
    expect(await totals(name)).toEqual(before);
    expect((await json<{ rows: number }[]>("quarantine", "list", "--pipeline", name))[0]!.rows).toBe(broken.length);

    const negative = broken.filter((id) => id % 100 !== 7).length;
    project.write(`pipelines/${name}.ts`, pipeline(name, name === "added" ? "append" : "replace", -10));
    const contract = await json<RunJson>("quarantine", "replay", name);
    expect(contract.steps.find((step) => step.name === "rows")).toMatchObject({ reusedFrom: expect.any(String) });
    const loaded = count - broken.length + negative;
    expect(await totals(name)).toEqual({ n: loaded, ids: loaded, amount: count - broken.length - 5 * negative });

    expect(await mend(name, "rest.jsonl")).toBe(broken.length - negative);
    await json("quarantine", "replay", name, "--from", "rest.jsonl");
    expect(await totals(name)).toEqual({
      n: count,
      ids: count,
      amount: count - broken.length - 5 * negative + 2 * (broken.length - negative),
    });
    expect(await json("quarantine", "list", "--pipeline", name)).toEqual([]);
    const again = await sluice(["quarantine", "replay", name], options());
    expect(again).toMatchObject({ code: 5, stderr: expect.stringMatching(/No row of \w+ is in quarantine/) });
  });
});

describe("a replay that is killed", () => {
  it.each([200, 450, 700, 950, 1200])(
    "after about %s ms is finished by the same command, each row loaded once",
    async (after) => {
      const name = `killed_${after}`;
      project.write(`pipelines/${name}.ts`, pipeline(name, "append"));
      await json("run", name);
      await mend(name, "mended.jsonl");
      const replay = ["quarantine", "replay", name, "--from", "mended.jsonl"];
      await sluice(replay, { ...options(), onStart: (child) => setTimeout(() => killGroup(child), after) });
      const end = await sluice(replay, options());
      // 5: the first had already done it all.
      expect([0, 5], end.stderr).toContain(end.code);
      expect(await totals(name)).toEqual({ n: count, ids: count, amount: count - broken.length + 2 * broken.length });
      expect(await json("quarantine", "list", "--pipeline", name)).toEqual([]);
    },
  );
});

describe("what speaks of the whole delivery", () => {
  it("counts a replay in with what went on before it, or says nothing of it", async () => {
    const row = "row: z.strictObject({ id: z.int(), amount: z.number().min(0) })";
    const judged = (expectations: string): string => `
import { extract, load, pipeline } from "sluice";
import { csv } from "sluice/connect";
import { contract, drift, expect, gate, rowCount, validate } from "sluice/quality";
import { z } from "zod";
import { warehouse } from "../sluice.config.ts";
const event = contract("event", { ${row}, expect: [${expectations}] });
export default pipeline("judged", ({ step }) => {
  const rows = step("rows", extract(csv("data/events.csv")));
  const clean = step("clean", validate(rows, event));
  const most = step("most", gate(clean, { minRows: 2900, loadedRatio: 0.95 }));
  const all = step("all", gate(clean, { minRows: ${count}, onClosed: "warn" }));
  const checked = step("checked", expect(clean, [rowCount({ min: 2900 })]), { after: most });
  step("watched", drift(clean, { baseline: { runs: 7 }, onDrift: "fail" }));
  const loaded = step("load", load(checked, warehouse.table("judged"), { write: "append" }), { after: all });
  step("arrived", gate(loaded, { minRows: 2900, fall: 0.5 }));
});
`;
    project.write("pipelines/judged.ts", judged("rowCount({ min: 2900 })"));
    const gates = async (run: string): Promise<Record<string, object>> => {
      const { gates: found } = await json<{ gates: { step: string; report: object }[] }>("report", run);
      return Object.fromEntries(found.map(({ step, report }) => [step, report]));
    };
    const first = await json<RunJson>("run", "judged");
    const valid = count - broken.length;
    expect((await gates(first.run.id))["all"]).toMatchObject({ loaded: valid, warning: expect.any(String) });

    await mend("judged", "judged.jsonl");
    const lines = readFileSync(join(project.folder, "judged.jsonl"), "utf8").split("\n");
    // Half of them first: the rest stays in quarantine and counts as such.
    writeFileSync(join(project.folder, "judged.jsonl"), lines.slice(0, broken.length / 2).join("\n"));
    const half = await json<RunJson>("quarantine", "replay", "judged", "--from", "judged.jsonl");
    const loaded = valid + broken.length / 2;
    expect(half.run.status).toBe("succeeded");
    expect(await gates(half.run.id)).toMatchObject({
      most: { offered: count, loaded },
      all: { loaded, warning: expect.any(String) },
      arrived: { offered: loaded, loaded },
    });
    writeFileSync(join(project.folder, "judged.jsonl"), lines.slice(broken.length / 2).join("\n"));
    const rest = await json<RunJson>("quarantine", "replay", "judged", "--from", "judged.jsonl");
    expect((await gates(rest.run.id))["all"]).toEqual({
      asset: 'step "clean"',
      offered: count,
      loaded: count,
      loadedRatio: 1,
    });
    expect(await totals("judged")).toMatchObject({ n: count, ids: count });
  });
});

describe("a step that reads on from where it was", () => {
  const columns = "id,amount";
  const file = (from: number): string =>
    `${columns}\n${Array.from({ length: 100 }, (_, at) => `${from + at},${at % 10 === 3 ? "n/a" : 1}`).join("\n")}\n`;
  const groups = () => json<{ runId: string; rows: number }[]>("quarantine", "list", "--pipeline", "onward");

  it("leaves the broken rows of each run in quarantine, and each is replayed once", async () => {
    project.write(
      "pipelines/onward.ts",
      pipeline("onward", "append").replace(
        'csv("data/events.csv")',
        'csv("data/onward-*.csv"), { incremental: { by: "file", into: warehouse.table("onward") } }',
      ),
    );
    project.write("data/onward-1.csv", file(0));
    const first = (await json<RunJson>("run", "onward")).run.id;
    // Nothing is new: nothing of the first run is lost.
    await json("run", "onward");
    expect(await groups()).toMatchObject([{ runId: first, rows: 10 }]);
    project.write("data/onward-2.csv", file(100));
    const second = (await json<RunJson>("run", "onward")).run.id;
    expect(await groups()).toMatchObject([
      { runId: second, rows: 10 },
      { runId: first, rows: 10 },
    ]);
    expect(await totals("onward")).toEqual({ n: 180, ids: 180, amount: 180 });
    const vague = await sluice(["quarantine", "replay", "onward"], options());
    expect(vague).toMatchObject({ code: 2, stderr: expect.stringContaining(`--run ${first} is the oldest`) });

    const mended = async (run: string): Promise<RunJson> => {
      await sluice(["quarantine", "export", "onward", "--run", run, "-o", "onward.jsonl"], options());
      const text = readFileSync(join(project.folder, "onward.jsonl"), "utf8").replaceAll('"n/a"', '"2"');
      expect(text.trimEnd().split("\n")).toHaveLength(10);
      writeFileSync(join(project.folder, "onward.jsonl"), text);
      return json<RunJson>("quarantine", "replay", "onward", "--run", run, "--from", "onward.jsonl");
    };
    // The older one after the newer one has gone on, and its replay is a run of the same step with nothing left.
    expect((await mended(first)).run.status).toBe("succeeded");
    expect(await groups()).toMatchObject([{ runId: second, rows: 10 }]);
    expect(await totals("onward")).toEqual({ n: 190, ids: 190, amount: 200 });
    // The position has not gone back.
    project.write("data/onward-3.csv", file(200));
    const third = (await json<RunJson>("run", "onward")).run.id;
    expect(await totals("onward")).toEqual({ n: 280, ids: 280, amount: 290 });
    await mended(second);
    await mended(third);
    expect(await groups()).toEqual([]);
    expect(await totals("onward")).toEqual({ n: 300, ids: 300, amount: 330 });
  });

  it("leaves them once where a run that has not loaded is run again from the same position", async () => {
    const broken = (fails: boolean): string =>
      pipeline("again", "append")
        .replace(
          'csv("data/events.csv")',
          'csv("data/again-*.csv"), { incremental: { by: "file", into: warehouse.table("again") } }',
        )
        .replace("validate }", "gate, validate }")
        .replace(
          'warehouse.table("again"), { write: "append" })',
          `warehouse.table("again"), { write: "append" }), { after: step("enough", gate(clean, { minRows: ${fails ? 1000 : 1} })) }`,
        );
    project.write("pipelines/again.ts", broken(true));
    project.write("data/again-1.csv", file(0));
    expect((await sluice(["run", "again"], options())).code).toBe(4);
    project.write("pipelines/again.ts", broken(false));
    project.write("data/again-2.csv", file(100));
    await json("run", "again");
    const list = await json<{ rows: number }[]>("quarantine", "list", "--pipeline", "again");
    expect(list.map(({ rows }) => rows)).toEqual([20]);
    expect(await totals("again")).toMatchObject({ n: 180 });
  });
});

describe("a replay of a run that has not loaded", () => {
  it("is refused before its own rows are loaded, and taken once a re-run has loaded them", async () => {
    const gated = (least: number): string =>
      pipeline("late", "append")
        .replace("validate }", "gate, validate }")
        .replace(
          '{ write: "append" })',
          `{ write: "append" }), { after: step("enough", gate(clean, { minRows: ${least} })) }`,
        );
    project.write("pipelines/late.ts", gated(count));
    const failed = await sluice(["run", "late", "--json"], options());
    expect(failed.code).toBe(4);
    project.write("pipelines/late.ts", gated(1));
    await mend("late", "late.jsonl");
    const replay = ["quarantine", "replay", "late", "--from", "late.jsonl"];
    expect(await sluice(replay, options())).toMatchObject({ code: 2, stderr: expect.stringContaining("not loaded") });
    const { run } = JSON.parse(failed.stdout) as RunJson;
    await json("rerun", run.id);
    expect(await totals("late")).toMatchObject({ n: count - broken.length });
    await json(...replay);
    expect(await totals("late")).toMatchObject({ n: count, ids: count });
  });
});

describe("quarantine commands", () => {
  it("drop rows, and say what they need", async () => {
    project.write("pipelines/dropped.ts", pipeline("dropped", "append"));
    await json("run", "dropped");
    const vague = await sluice(["quarantine", "drop", "dropped"], options());
    expect(vague).toMatchObject({ code: 2, stderr: expect.stringContaining("--partition, --run or --all") });
    expect(await json("quarantine", "drop", "dropped", "--all")).toEqual({
      pipeline: "dropped",
      dropped: broken.length,
    });
    expect(await json("quarantine", "list", "--pipeline", "dropped")).toEqual([]);
  });

  it("refuse mended rows that are not in quarantine, or no rows at all", async () => {
    project.write("pipelines/refused.ts", pipeline("refused", "append"));
    await json("run", "refused");
    for (const [text, message] of [
      ['{"record": 1, "row": {}}', /Record 1 is not in quarantine/],
      ["{", /line 1, is not JSON/],
      ['{"record": "x"}', /line 1, is not \{record, row\}/],
    ] as const) {
      project.write("bad.jsonl", text);
      const result = await sluice(["quarantine", "replay", "refused", "--from", "bad.jsonl"], options());
      expect(result.code).not.toBe(0);
      expect(result.stderr).toMatch(message);
    }
  });
});
