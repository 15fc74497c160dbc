// The report of a run: a page that shows what was found in its data, needs nothing else, and gives nothing away.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunReport } from "../../src/embedded/run-report.ts";
import { sluice, sluiceJson, type RunJson } from "./command.ts";
import { withService } from "./service.ts";
import { scratchProject, type ScratchProject } from "./scratch-project.ts";

const config = `
import { defineConfig, env } from "sluice";
import { http, lake } from "sluice/connect";
export const config = defineConfig({ connections: { warehouse: lake(), api: http("http://127.0.0.1:9", { headers: { authorization: env("API_TOKEN") } }) } });
export const { warehouse } = config.connections;
export default config;
`;
const pipeline = `
import { daily, extract, load, pipeline } from "sluice";
import { csv } from "sluice/connect";
import { contract, drift, gate, mean, rowCount, validate } from "sluice/quality";
import { z } from "zod";
import { warehouse } from "../sluice.config.ts";

const sale = contract("sale", {
  row: z.strictObject({ id: z.int(), country: z.string().min(2), amount: z.number().nonnegative(), note: z.string() }),
  expect: [rowCount({ min: 10 }), mean("amount", { min: 0, max: 10, severity: "warn" })],
});

export default pipeline("sales", { partitions: daily({ from: "2026-01-01" }) }, ({ step, partition }) => {
  const rows = step("rows", extract(csv(\`data/\${partition.key}.csv\`)));
  const clean = step("clean", validate(rows, sale));
  step("watched", drift(clean, { baseline: { runs: 7 } }));
  step("usual", gate(clean, { minRows: 5000, onClosed: "warn" }));
  step("load", load(clean, warehouse.table("sales"), { write: "replace-partition" }));
});
`;
const day = (shift: number): string =>
  `id,country,amount,note\n${Array.from({ length: 400 }, (_, id) => {
    if (id === 7) return `${id},<img src=x onerror=alert(1)>,-5,token is tok-4711-secret`;
    if (id % 90 === 3) return `${id},F,${id},bad`;
    return `${id},${["FR", "DE", "UK"][(id * (1 + shift)) % (3 - shift)]},${((id * 37) % 100) / 10 + shift * 8},fine`;
  }).join("\n")}\n`;

describe("the report of a run", () => {
  let project: ScratchProject;
  let options: { cwd: string; env: Record<string, string> };
  let page: string;
  let report: RunReport;

  beforeAll(async () => {
    project = scratchProject({
      "sluice.config.ts": config,
      "pipelines/sales.ts": pipeline,
      "data/2026-01-01.csv": day(0),
      "data/2026-01-02.csv": day(0),
      "data/2026-01-03.csv": day(1),
    });
    options = { cwd: project.folder, env: { SLUICE_HOME: "", API_TOKEN: "tok-4711-secret" } };
    let last: RunJson | null = null;
    for (const key of ["2026-01-01", "2026-01-02", "2026-01-03"]) {
      last = await sluiceJson<RunJson>(["run", "sales", "--partition", key], options);
    }
    const made = await sluice(["report", last!.run.id, "-o", "report.html"], options);
    expect(made).toMatchObject({ code: 0, stdout: "", stderr: expect.stringContaining("is in report.html") });
    page = readFileSync(join(project.folder, "report.html"), "utf8");
    report = await sluiceJson<RunReport>(["report", last!.run.id], options);
  });
  afterAll(() => project.remove());

  it("holds expectations, drift, gates, failing rows and history", () => {
    expect(report.expectations).toMatchObject([{ step: "clean", results: [{ success: true }, { success: false }] }]);
    expect(report.drift).toMatchObject([
      { step: "watched", report: { verdict: "drift", baseline: "the 2 runs before it" } },
    ]);
    expect(report.gates).toMatchObject([
      { step: "usual", report: { warning: expect.stringContaining("fewer than 5000") } },
    ]);
    expect(report.quarantine.groups).toMatchObject([{ step: "clean", rows: 6 }]);
    expect(report.quarantine.sample).toHaveLength(6);
    expect(report.history.map(({ partition, rows }) => [partition, rows?.quarantined])).toEqual([
      ["2026-01-01", 6],
      ["2026-01-02", 6],
      ["2026-01-03", 6],
    ]);
  });

  it("shows all of it on one page without scripts and addresses", () => {
    for (const text of [
      "Expectations of clean",
      "1 of 2 not met",
      "Drift of watched",
      "the 2 runs before it",
      "Failing rows: 6",
      "The last 3 runs",
    ]) {
      expect(page).toContain(text);
    }
    expect(page).not.toMatch(/<script|<link|https?:|url\(/);
  });

  it("escapes what the data holds, and redacts secrets", () => {
    expect(page).toContain("&lt;img src=x onerror=alert(1)&gt;");
    expect(page).not.toContain("<img");
    expect(page).toContain("token is [redacted]");
    expect(page + JSON.stringify(report)).not.toContain("tok-4711-secret");
  });

  it("gives nothing away over HTTP that the command does not", async () => {
    const told = await withService(options, async ({ url }) =>
      (await fetch(`${url}/api/runs/${report.run.id}/report`)).json(),
    );
    expect(told).toEqual(report);
  });
});
