// Expectations of a dataset on the real engine: what is met goes on, a warning goes on and is told, what is not met stops
// what follows; a gate behind them diverts, or breaks the circuit when a day falls far below those before it.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunReport } from "../../src/embedded/run-report.ts";
import { sluice, sluiceJson, type RunJson } from "./command.ts";
import { configWithWarehouse, scratchProject, type ScratchProject } from "./scratch-project.ts";

const pipeline = `
import { daily, extract, load, pipeline, task, when } from "sluice";
import { csv } from "sluice/connect";
import { contract, expect, gate, mean, rowCount, unique, validate } from "sluice/quality";
import { z } from "zod";
import { warehouse } from "../sluice.config.ts";

const sale = contract("sale", { row: z.strictObject({ id: z.int(), amount: z.number() }) });

export default pipeline("sales", { partitions: daily({ from: "2026-01-01" }), retry: { limit: 0 } }, ({ step, partition }) => {
  const clean = step("clean", validate(step("rows", extract(csv(\`data/\${partition.key}.csv\`))), sale));
  const checked = step("checked", expect(clean, [unique("id"), rowCount({ min: 2 }), mean("amount", { max: 10, severity: "warn" })]));
  const way = step("way", gate(checked, { minRows: 5, onClosed: "divert" }));
  step("publish", task(() => "published"), { after: when(way, "open") });
  step("ask", task(() => "somebody has to look"), { after: when(way, "closed") });
  const usual = step("usual", gate(checked, { fall: 0.9 }));
  step("load", load(checked, warehouse.table("sales"), { write: "replace-partition" }), { after: usual });
});
`;
const rows = (count: number, amount = 1, id = (at: number): number => at): string =>
  `id,amount\n${Array.from({ length: count }, (_, at) => `${id(at)},${amount}\n`).join("")}`;

describe("expectations of a dataset", () => {
  let project: ScratchProject;
  let options: { cwd: string; env: Record<string, string> };

  beforeAll(() => {
    project = scratchProject({ "sluice.config.ts": configWithWarehouse, "pipelines/sales.ts": pipeline });
    options = { cwd: project.folder, env: { SLUICE_HOME: "" } };
  });
  afterAll(() => project.remove());

  interface Day {
    readonly code: number | null;
    readonly stderr: string;
    readonly id: string;
    /** By step. */
    readonly statuses: Readonly<Record<string, string>>;
    readonly loaded: number;
  }
  const runDay = async (day: string, csv: string): Promise<Day> => {
    project.write(`data/${day}.csv`, csv);
    const { code, stdout, stderr } = await sluice(["run", "sales", "--partition", day, "--json"], options);
    const { run, steps } = JSON.parse(stdout) as RunJson;
    const [{ n } = { n: 0 }] = await sluiceJson<{ n: number }[]>(
      ["query", "select count(*)::int as n from warehouse.sales"],
      options,
    );
    return {
      code,
      stderr,
      id: run.id,
      statuses: Object.fromEntries(steps.map((step) => [step.name, step.status])),
      loaded: n,
    };
  };

  it("go on, warn, divert, block and break the circuit", async () => {
    const good = await runDay("2026-01-01", rows(50));
    expect(good).toMatchObject({
      code: 0,
      statuses: { checked: "succeeded", publish: "succeeded", ask: "skipped", load: "succeeded" },
      loaded: 50,
    });

    const warned = await runDay("2026-01-02", rows(50, 20));
    expect(warned).toMatchObject({ code: 0, statuses: { checked: "succeeded", load: "succeeded" }, loaded: 100 });
    const { expectations } = await sluiceJson<RunReport>(["report", warned.id], options);
    expect(expectations).toMatchObject([
      {
        step: "checked",
        results: [{ success: true }, { success: true }, { success: false, severity: "warn", observed: 20 }],
      },
    ]);
    expect((await sluice(["logs", warned.id], options)).stdout).toMatch(/mean.*amount.*it is 20 \(a warning\)/);

    const blocked = await runDay(
      "2026-01-03",
      rows(50, 1, () => 7),
    );
    expect(blocked).toMatchObject({
      code: 4,
      statuses: {
        checked: "failed",
        way: "upstream-failed",
        publish: "upstream-failed",
        ask: "upstream-failed",
        usual: "upstream-failed",
        load: "upstream-failed",
      },
      loaded: 100,
    });
    expect(blocked.stderr).toMatch(/"code":"EXPECTATION_FAILED".*50 of 50 rows don't meet it; the first is row 1/);

    // Mended, the day goes the whole way: three days are history then.
    expect(await runDay("2026-01-03", rows(50))).toMatchObject({ code: 0, loaded: 150 });

    const fallen = await runDay("2026-01-04", rows(4));
    expect(fallen).toMatchObject({
      code: 4,
      // The way that a diverting gate opens is gone even though the circuit is broken.
      statuses: {
        checked: "succeeded",
        publish: "skipped",
        ask: "succeeded",
        usual: "failed",
        load: "upstream-failed",
      },
      loaded: 150,
    });
    expect(fallen.stderr).toMatch(/"code":"GATE_CLOSED".*4 rows, where the median of the 3 before is 50/);

    const fewer = await runDay("2026-01-04", rows(6));
    expect(fewer).toMatchObject({
      code: 0,
      statuses: { publish: "succeeded", ask: "skipped", usual: "succeeded", load: "succeeded" },
      loaded: 156,
    });
  });
});
