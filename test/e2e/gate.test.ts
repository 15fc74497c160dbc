// A gate that is closed: what follows does not run, what is loaded stays, and the exit code says that a check failed.
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sluice, sluiceJson, type RunJson } from "./command.ts";
import { configWithWarehouse, eventsPipeline, scratchProject, type ScratchProject } from "./scratch-project.ts";

describe("a closed gate", () => {
  let project: ScratchProject;
  let options: { cwd: string; env: Record<string, string> };
  const gated = eventsPipeline
    .replace("import { contract, validate }", "import { contract, gate, validate }")
    .replace("import { extract, load, pipeline }", "import { extract, load, pipeline, task }")
    .replace(
      'step("load", load(clean, warehouse.table("events"), { write: "replace" }));',
      `const loaded = step("load", load(clean, warehouse.table("events"), { write: "replace" }));
       const enough = step("enough", gate(loaded, { loadedRatio: 0.95, minRows: 3, whenEmpty: "pass" }));
       step("publish", task(() => "published"), { after: enough });`,
    );

  beforeAll(() => {
    project = scratchProject({ "sluice.config.ts": configWithWarehouse, "pipelines/events.ts": gated });
    options = { cwd: project.folder, env: { SLUICE_HOME: join(project.folder, ".sluice") } };
  });
  afterAll(() => project.remove());

  const runWith = async (csv: string): Promise<{ code: number | null; stderr: string; run: RunJson }> => {
    project.write("data/events.csv.gz", gzipSync(csv));
    const { code, stdout, stderr } = await sluice(["run", "events", "--json"], options);
    return { code, stderr, run: JSON.parse(stdout) as RunJson };
  };
  const statuses = (run: RunJson): string[] => run.steps.map((step) => `${step.name} ${step.status}`);
  const open = ["rows succeeded", "clean succeeded", "load succeeded", "enough succeeded", "publish succeeded"];
  const closed = ["rows succeeded", "clean succeeded", "load succeeded", "enough failed", "publish upstream-failed"];

  it("stops what follows and ends with 4 when a minimum isn't met", async () => {
    const { code, stderr, run } = await runWith("user_id,amount\na,1\nb,2\n");
    expect({ code, statuses: statuses(run) }).toEqual({ code: 4, statuses: closed });
    expect(stderr).toMatch(/"code":"GATE_CLOSED".*2 rows were loaded, fewer than 3/);
    expect(await sluiceJson(["query", "select count(*) n from warehouse.events"], options)).toEqual([{ n: 2 }]);
  });

  it("is not passed by a day whose rows were all quarantined", async () => {
    const { code, run } = await runWith("user_id,amount\na,-1\nb,-2\nc,-3\nd,-4\n");
    expect({ code, statuses: statuses(run) }).toEqual({ code: 4, statuses: closed });
  });

  it("opens when enough arrives, and for a day on which nothing was to come", async () => {
    for (const csv of ["user_id,amount\na,1\nb,2\nc,3\n", "user_id,amount\n"]) {
      const { code, run } = await runWith(csv);
      expect({ code, statuses: statuses(run) }).toEqual({ code: 0, statuses: open });
    }
  });
});
