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
      expect(await (await fetch(`${url}/api/runs`)).json()).toEqual({ runs: [], next: null });
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
    const { request: _request, ...document } = JSON.parse(failed.stdout) as {
      run: { id: string };
      steps: object[];
      request: null;
    };
    await withService(options(), async ({ metric, url }) => {
      expect(await metric(`sluice_pipeline_runs_total{pipeline="failing",status="failed"}`)).toBe(1);
      expect(
        await metric(`sluice_task_runs_total{pipeline="failing",task="after",kind="task",status="upstream-failed"}`),
      ).toBe(1);
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
      expect((await fetch(`${url}/api/runs`, { method: "POST" })).status).toBe(403);
    });
  });

  it("runs what the schedule, events, callers and commands ask for, and goes on with it after it was killed", async () => {
    const scheduled = scratchProject({
      "sluice.config.ts": `import { defineConfig } from "sluice"; export default defineConfig({ pools: { api: 1 } });`,
      "pipelines/all.ts": `
        import { approval, pipeline, task } from "sluice";
        export const ticks = pipeline("ticks", { schedule: { every: "1s" } }, ({ step }) => { step("tick", task(() => 1)); });
        export const ready = pipeline("ready", { schedule: { onEvent: "orders.ready" } }, ({ step }) => { step("one", task(() => 1), { pool: "api" }); });
        export const asks = pipeline("asks", ({ step }) => { step("after", task(() => 1), { after: step("ok", approval({ message: "Go on?" })) }); });`,
    });
    const own = { cwd: scheduled.folder, env: { SLUICE_HOME: "" } };
    const runsOf = async (url: string, pipeline: string): Promise<{ id: string; status: string; trigger: string }[]> =>
      ((await (await fetch(`${url}/api/runs?pipeline=${pipeline}`)).json()) as any).runs;
    try {
      let asked = "";
      await withService(
        own,
        async ({ url, post, metric }) => {
          await expect.poll(async () => (await runsOf(url, "ticks")).length, { timeout: 20_000 }).toBeGreaterThan(1);
          expect((await runsOf(url, "ticks"))[0]).toMatchObject({ trigger: "schedule" });
          expect(await metric("sluice_scheduler_runs_schedules")).toBe(1);
          expect(await metric(`sluice_pool_slots{pool="api"}`)).toBe(1);
          for (const key of ["a", "a", "b"])
            expect(await post("/api/events/orders.ready", { key })).toMatchObject({ status: 202 });
          await expect
            .poll(async () => (await runsOf(url, "ready")).map(({ status }) => status), { timeout: 20_000 })
            .toEqual(["succeeded", "succeeded"]);
          expect(await post("/api/pipelines/ticks/pause", {})).toMatchObject({ status: 200 });
          expect(await metric(`sluice_schedule_paused{pipeline="ticks"}`)).toBe(1);
          const started = await post("/api/pipelines/asks/runs", {});
          asked = started.answer.result.run;
          await expect
            .poll(async () => ((await (await fetch(`${url}/api/runs/${asked}/why`)).json()) as any).summary, {
              timeout: 20_000,
            })
            .toMatch(/It waits for a person: ok\.$/);
          expect(await metric(`sluice_tasks_open{pipeline="asks",task="ok",kind="approval",status="held"}`)).toBe(1);
          // A command beside it is done by it.
          const busy = await sluice(["run", "ready", "--json"], own);
          expect(busy.code, busy.stderr).toBe(0);
          expect(busy.stderr).toMatch(/is run by process \d+: sluice serve/);
        },
        [],
      );
      // It was ended with a run under way, which goes on with the next.
      await withService(
        own,
        async ({ url, post }) => {
          expect(await post(`/api/runs/${asked}/steps/ok/decide`, { decision: "approved" })).toMatchObject({
            status: 200,
          });
          await expect
            .poll(async () => ((await (await fetch(`${url}/api/runs/${asked}`)).json()) as any).run.status, {
              timeout: 20_000,
            })
            .toBe("succeeded");
          // What was paused stays so.
          const { schedules } = (await (await fetch(`${url}/api/schedules`)).json()) as any;
          expect(schedules.map((row: any) => [row.pipeline, row.paused])).toEqual([
            ["ready", false],
            ["ticks", true],
          ]);
        },
        [],
      );
    } finally {
      scheduled.remove();
    }
  });

  it.each([
    { drain: "30s", attempts: 1 },
    { drain: "0s", attempts: 2 },
  ])("lets attempts under way end for as long as --drain $drain says, and starts none", async ({ drain, attempts }) => {
    const own = scratchProject({
      "sluice.config.ts": `import { defineConfig } from "sluice"; export default defineConfig({ workers: 1 });`,
      "pipelines/slow.ts": `
          import { existsSync, writeFileSync } from "node:fs";
          import { pipeline, task } from "sluice";
          export default pipeline("slow", ({ step }) => {
            const slow = step("slow", task(async (_inputs, { folder }) => {
              writeFileSync(folder + "/begun", "");
              while (!existsSync(folder + "/go")) await new Promise((resolve) => setTimeout(resolve, 20));
            }));
            step("after", task({ slow }, () => 1));
          });`,
    });
    const at = { cwd: own.folder, env: { SLUICE_HOME: "" } };
    let [stderr, stopped] = ["", false];
    try {
      await withService(
        {
          ...at,
          onStart: (process) =>
            process.stderr!.on("data", (text: string) => {
              stderr += text;
              // It has heard that it is to stop, and not before: a worker is told, too, as by systemd.
              if (stopped || !/may end within|stopped, to be made/.test(stderr)) return;
              stopped = true;
              own.write("go", "");
            }),
        },
        async ({ post }) => {
          await post("/api/pipelines/slow/runs", {});
          await expect.poll(() => existsSync(join(own.folder, "begun")), { timeout: 20_000 }).toBe(true);
        },
        ["--drain", drain],
      );
      expect(stderr).toMatch(attempts === 1 ? /1 attempt under way may end within 30s/ : /1 attempt stopped/);
      const finished = await sluice(["run", "slow", "--json"], at);
      const { steps } = JSON.parse(finished.stdout) as { steps: { name: string; attempts: number }[] };
      expect(steps.map((row) => [row.name, row.attempts])).toEqual([
        ["slow", attempts],
        ["after", attempts === 1 ? 2 : 1],
      ]);
    } finally {
      own.remove();
    }
  });

  it.skipIf(skipsPromtool)(
    "has metrics that Prometheus finds nothing wrong with (SKIPPED where promtool is missing)",
    async () => {
      await withService(options(), async ({ metricsText }) => expect(promtoolFaults(await metricsText())).toBe(""));
    },
  );
});
