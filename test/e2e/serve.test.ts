// Promise 6, the truth at scrape time: what is served is what is stored now, whatever became of the process that stored it.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { killGroup, sluice, type CommandResult } from "./command.ts";
import { configWithWarehouse, scratchProject, type ScratchProject } from "./scratch-project.ts";
import { promtoolFaults, skipsPromtool, withService } from "./service.ts";

const pipelines = {
  // It hangs until someone writes the file "go".
  "pipelines/waiting.ts": `
    import { pipeline, task } from "sluice";
    import { existsSync, writeFileSync } from "node:fs";
    export default pipeline("waiting", ({ step }) => {
      const begun = step("begin", task(() => 1));
      step("wait", task({ begun }, async (_inputs, { folder, signal }) => {
        writeFileSync(folder + "/begun", "");
        while (!existsSync(folder + "/go")) {
          signal.throwIfAborted();
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }));
    });`,
  "pipelines/failing.ts": `
    import { pipeline, task } from "sluice";
    export default pipeline("failing", ({ step }) => {
      const broken = step("broken", task(() => { throw new Error("it is \\"broken\\",\\nback\\\\slash and all"); }), { retry: { limit: 1, delay: "10ms" } });
      step("after", task({ broken }, () => 1));
    });`,
};

describe("sluice serve", () => {
  let project: ScratchProject;
  const options = () => ({ cwd: project.folder, env: { SLUICE_HOME: "" } });

  beforeAll(() => {
    project = scratchProject({ "sluice.config.ts": configWithWarehouse, ...pipelines });
  });
  afterAll(() => project.remove());

  it("answers before anything has run, and makes no file for that", async () => {
    await withService(options(), async ({ metric, url }) => {
      expect(await metric("sluice_scheduler_active")).toBe(0);
      expect(await (await fetch(`${url}/api/runs`)).json()).toEqual({ runs: [] });
    });
    expect(existsSync(join(project.folder, ".sluice"))).toBe(false);
  });

  it("shows a run that is under way, one that was killed, and one that was finished after that, without being started anew", async () => {
    await withService(options(), async ({ metric }) => {
      let child: Parameters<typeof killGroup>[0];
      const running = sluice(["run", "waiting"], { ...options(), onStart: (process) => (child = process) });
      await expect.poll(() => existsSync(join(project.folder, "begun")), { timeout: 20_000 }).toBe(true);
      const active = `sluice_pipeline_runs_active{pipeline="waiting"}`;
      const succeeded = `sluice_pipeline_runs_total{pipeline="waiting",status="succeeded"}`;
      expect([await metric(active), await metric("sluice_scheduler_active")]).toEqual([1, 1]);
      killGroup(child!);
      await running;
      expect([await metric(active), await metric("sluice_scheduler_active")]).toEqual([1, 0]);
      project.write("go", "");
      expect((await sluice(["run", "waiting"], options())).code).toBe(0);
      expect([await metric(active), await metric(succeeded)]).toEqual([0, 1]);
      expect(await metric(`sluice_task_attempts_total{pipeline="waiting",task="begin"}`)).toBe(1);
      expect(await metric(`sluice_task_attempts_total{pipeline="waiting",task="wait"}`)).toBe(2);
    });
  });

  it("shows what failed, by all its addresses alike", async () => {
    const failed: CommandResult = await sluice(["run", "failing", "--json"], options());
    expect(failed.code).toBe(1);
    const document = JSON.parse(failed.stdout) as { run: { id: string }; steps: object[] };
    await withService(options(), async ({ metric, url }) => {
      expect(await metric(`sluice_pipeline_runs_total{pipeline="failing",status="failed"}`)).toBe(1);
      expect(await metric(`sluice_task_runs_total{pipeline="failing",task="after",kind="task",status="skipped"}`)).toBe(
        1,
      );
      expect(await metric(`sluice_task_retries_total{pipeline="failing",task="broken"}`)).toBe(1);
      const get = async (path: string): Promise<Response> => fetch(`${url}${path}`);
      expect(await (await get(`/api/runs/${document.run.id}`)).json()).toMatchObject({
        ...document,
        attempts: [{ attempt: 1 }, { attempt: 2 }],
      });
      expect(await (await get("/")).text()).toContain("failing");
      expect((await get("/healthz")).status).toBe(200);
      expect((await get("/api/runs/nothing")).status).toBe(404);
      expect((await get("/nothing")).status).toBe(404);
      expect((await get("/api/runs?status=done")).status).toBe(400);
      expect((await fetch(`${url}/api/runs`, { method: "POST" })).status).toBe(404);
    });
  });

  it.skipIf(skipsPromtool)(
    "has metrics that Prometheus finds nothing wrong with (SKIPPED where promtool is missing)",
    async () => {
      await withService(options(), async ({ metricsText }) => expect(promtoolFaults(await metricsText())).toBe(""));
    },
  );
});
