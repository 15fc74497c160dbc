// Every state that isn't an end has a sentence that names precisely what is waited for.
import { describe, expect, it } from "vitest";
import { explainRun, type Explanation } from "../../../src/monitor/explain.ts";
import type { AwaitedRun, RunningRun, Situation } from "../../../src/monitor/situation.ts";
import { planOf, stepOf, type StepDraft } from "../engine/plans.ts";
import { liveAt, now, runningOf, situationOf } from "./situations.ts";

type Steps = Parameters<typeof runningOf>[2];

function explain(
  drafts: readonly StepDraft[],
  steps: Steps,
  more: {
    record?: Parameters<typeof runningOf>[1];
    situation?: Partial<Situation>;
    others?: readonly RunningRun[];
    awaited?: ReadonlyMap<string, readonly AwaitedRun[]>;
  } = {},
): Explanation {
  const run = runningOf(planOf(drafts), more.record ?? { id: "orders-1", sequence: 5 }, steps);
  const situation = situationOf({ running: [...(more.others ?? []), run], ...more.situation });
  return explainRun({ ...run, situation, awaited: more.awaited ?? new Map() });
}

const because = (explanation: Explanation, step = 0): string => explanation.steps[step]!.because;

describe("a step that waits", () => {
  it("for steps before it names them, how they stand, and the rule that is not the usual one", () => {
    const explanation = explain(
      [{ name: "a" }, { name: "b" }, { name: "c", dependsOn: ["a", "b"], trigger: "one-failed" }],
      [
        { name: "a", status: "succeeded" },
        { name: "b", status: "queued" },
        { name: "c", status: "waiting", attempts: 0 },
      ],
      { situation: { live: [liveAt("orders-1", "b")] } },
    );
    expect(explanation.steps[2]).toMatchObject({
      because: "waits for b (queued), and starts by the rule one-failed",
      waitsFor: ["b"],
      waitsOn: "steps",
    });
    expect(explanation.steps[1]).toMatchObject({
      because: "attempt 1 runs since 2026-01-05T11:59:48.000Z (12 s)",
      waitsOn: "attempt",
    });
    expect(explanation.summary).toBe("The run is under way (process 7: sluice serve). 2 of 3 steps are not finished.");
  });

  it("to tear something down says what it waits for", () => {
    const explanation = explain(
      [
        { name: "up" },
        { name: "work", dependsOn: ["up"] },
        { name: "down", dependsOn: ["up", "work"], teardownOf: "up" },
      ],
      [
        { name: "up", status: "succeeded" },
        { name: "work", status: "queued" },
        { name: "down", status: "waiting", attempts: 0 },
      ],
    );
    expect(because(explanation, 2)).toBe("tears down up, once work (queued) has ended");
  });

  it("for a retry says until when, which try it is, and after what", () => {
    const error = { code: "SOURCE_UNAVAILABLE", message: "It answered 503", retryable: true } as const;
    const steps: Steps = [{ name: "a", status: "retrying", failures: 1, wakeAt: now + 90_000, error }];
    expect(explain([{ name: "a" }], steps).steps[0]).toMatchObject({
      because: "waits until 2026-01-05T12:01:30.000Z (90 s) for try 2 of 2, after SOURCE_UNAVAILABLE: It answered 503",
      waitsOn: "timer",
    });
    expect(because(explain([{ name: "a" }], [{ ...steps[0]!, wakeAt: now - 1 }]))).toMatch(/^is due since 2026/);
  });

  it("for a sensor's next look says how often it looked, when it looks again, and when it gives up", () => {
    const control = { type: "sense", everyMs: 30_000, deadlineMs: 60_000, onDeadline: "skip" } as const;
    const steps: Steps = [{ name: "a", status: "sleeping", attempts: 3, wakeAt: now + 30_000 }];
    expect(explain([{ name: "a", control }], steps).steps[0]).toMatchObject({
      because:
        "its condition was not met at 3 looks; it waits until 2026-01-05T12:00:30.000Z (30 s) to look again, and is skipped at 2026-01-05T12:00:30.000Z",
      waitsOn: "timer",
    });
  });

  it("for a person names the question, the deadline, and what to type", () => {
    const control = {
      type: "approve",
      message: "Publish?",
      deadlineMs: 3_600_000,
      onDeadline: "reject",
      onReject: "skip",
    } as const;
    const explanation = explain(
      [{ name: "ok", control }],
      [{ name: "ok", status: "held", awaits: "decision", attempts: 0, startedAt: now }],
    );
    expect(explanation.steps[0]).toMatchObject({
      because: 'waits for a person to decide: "Publish?", and is rejected at 2026-01-05T13:00:00.000Z',
      waitsOn: "decision",
      command: "sluice approve orders-1 ok, or sluice reject orders-1 ok",
    });
    expect(explanation.command).toBe("sluice approve orders-1 ok, or sluice reject orders-1 ok");
    expect(explanation.summary).toMatch(/It waits for a person: ok\.$/);
  });

  it("for other runs names those that have not succeeded, and how they stand", () => {
    const control = {
      type: "await-run",
      pipeline: "raw",
      step: "loaded",
      offset: 0,
      deadlineMs: null,
      onDeadline: "fail",
    } as const;
    const other = { pipeline: "raw", step: "loaded", run: null, stepStatus: null, met: false } as const;
    const awaited = new Map([
      [
        "up",
        [
          { ...other, partition: "2026-01-01" },
          { ...other, partition: "2026-01-02", run: { id: "raw-7", status: "running" }, stepStatus: "queued" },
          { ...other, partition: "2026-01-03", run: { id: "raw-8", status: "succeeded" }, met: true },
        ] as const,
      ],
    ]);
    const explanation = explain([{ name: "up", control }], [{ name: "up", status: "held", awaits: "run" }], {
      awaited,
    });
    expect(explanation.steps[0]).toMatchObject({
      because:
        "waits for step loaded of raw 2026-01-01 (it has no run) and step loaded of raw 2026-01-02 (queued in run raw-7)",
      waitsOn: "run",
    });
    expect(explanation.summary).toMatch(/It waits for other runs\.$/);
  });
});

describe("an attempt that is due and has not begun", () => {
  const queued: Steps = [{ name: "a", status: "queued" }];

  it("waits for a slot of a pool: who has them, and how many go first", () => {
    const plan = planOf([{ name: "a", pools: { api: 2 } }]);
    const holder = runningOf(plan, { id: "orders-0", sequence: 1 }, queued);
    const first = runningOf(plan, { id: "orders-2", sequence: 2 }, queued);
    const backfill = runningOf(plan, { id: "orders-3", sequence: 3, backfill: "b" }, queued);
    const situation = { pools: { api: 3 }, live: [liveAt("orders-0", "a")] };
    const own = explain([{ name: "a", pools: { api: 2 } }], queued, { situation, others: [holder, first, backfill] });
    expect(own.steps[0]).toMatchObject({
      because: "attempt 1 waits for 2 slots of pool api (2 of 3 taken, by orders-0/a); 1 attempt goes before it",
      waitsOn: "pool",
    });
    const others = [holder, first, runningOf(planOf([{ name: "a", pools: { api: 2 } }]), { id: "orders-1" }, queued)];
    const late = explain([{ name: "a", pools: { api: 2 } }], queued, {
      record: { id: "orders-9", sequence: 9, backfill: "b" },
      situation,
      others,
    });
    expect(because(late)).toMatch(/; 2 attempts go before it$/);
    const urgent = explain([{ name: "a", pools: { api: 2 }, priority: 5 }], queued, { situation, others });
    expect(because(urgent)).toMatch(/; it is the next$/);
  });

  it("waits for a key that others hold", () => {
    const concurrency = { key: "warehouse", limit: 1, per: null };
    const holder = runningOf(planOf([{ name: "a", concurrency }]), { id: "orders-0" }, queued);
    const explanation = explain([{ name: "a", concurrency }], queued, {
      situation: { live: [liveAt("orders-0", "a", 17)] },
      others: [holder],
    });
    expect(explanation.steps[0]).toMatchObject({
      because: "attempt 1 waits for key warehouse (1 at a time, held by orders-0/a[17]); it is the next",
      waitsOn: "key",
    });
  });

  it("waits for a worker, or for what the machine has", () => {
    const holder = runningOf(planOf([{ name: "a", resources: { cpus: 3, memory: 0 } }]), { id: "orders-0" }, queued);
    const live = [liveAt("orders-0", "a")];
    const busy = explain([{ name: "a" }], queued, { situation: { live, capacity: 1 }, others: [holder] });
    expect(because(busy)).toBe("attempt 1 waits for a worker (1 attempt under way, and room for 1); it is the next");
    const large = explain([{ name: "a", resources: { cpus: 2, memory: 0 } }], queued, {
      situation: { live },
      others: [holder],
    });
    expect(large.steps[0]).toMatchObject({
      because: "attempt 1 waits for 2 CPUs (3 of 4 in use); it is the next",
      waitsOn: "resources",
    });
    const free = explain([{ name: "a", resources: { cpus: 99, memory: 0 } }], queued);
    expect(because(free)).toBe("attempt 1 has just begun, or begins now");
  });

  it("says who may have what it waits for, when nobody has had it for long enough to be stored", () => {
    const drafts = [{ name: "a", pools: { api: 1 } }];
    const other = runningOf(planOf(drafts), { id: "orders-0" }, queued);
    const elsewhere = runningOf(planOf([{ name: "a" }]), { id: "orders-8" }, queued);
    const others = [other, elsewhere];
    const full = explain(drafts, queued, { situation: { pools: { api: 1 } }, others });
    expect(because(full)).toBe(
      "attempt 1 has just begun, or waits for a slot of pool api, which one of these has had for less than a second: orders-0/a",
    );
    const room = explain(drafts, queued, { situation: { pools: { api: 2 } }, others });
    expect(because(room)).toBe("attempt 1 has just begun, or begins now");
    const concurrency = { key: "warehouse", limit: 1, per: null };
    const same = runningOf(planOf([{ name: "b", concurrency }]), { id: "orders-0" }, [{ name: "b", status: "queued" }]);
    expect(because(explain([{ name: "a", concurrency }], queued, { others: [same] }))).toMatch(
      /or waits for key warehouse, which .*: orders-0\/b$/,
    );
    const short = explain([{ name: "a" }], queued, { situation: { capacity: 1 }, others: [elsewhere] });
    expect(because(short)).toMatch(/or waits for a worker, which .*: orders-8\/a$/);
  });

  it("of a mapped step is counted, and told what holds it back", () => {
    const items = { queued: 9_000, retrying: 3, succeeded: 990, failed: 7, cancelled: 0 };
    const drafts = [{ name: "a", pools: { api: 1 } }];
    const live = [liveAt("orders-1", "a", 1), liveAt("orders-1", "a", 2)];
    const explanation = explain(drafts, [{ name: "a", status: "mapped", items }], {
      situation: { pools: { api: 2 }, live },
    });
    expect(explanation.steps[0]).toMatchObject({
      because:
        "990 of 10,000 items succeeded, 7 failed, 2 run, 8,998 wait, 3 are to be tried again, for a slot of pool api (2 of 2 taken, by orders-1/a[1] and orders-1/a[2])",
      waitsOn: "items",
    });
  });
});

describe("a run", () => {
  it("that was interrupted says so of all that was under way, and what to type", () => {
    const steps: Steps = [
      { name: "a", status: "queued" },
      { name: "b", status: "sleeping", wakeAt: now },
      { name: "c", status: "retrying", wakeAt: now, failures: 1 },
      { name: "d", status: "mapped", items: { queued: 2, retrying: 0, succeeded: 1, failed: 0, cancelled: 0 } },
    ];
    const explanation = explain(
      steps.map(({ name }) => ({ name })),
      steps,
      { record: { id: "orders-1", partition: "2026-01-05|eu" }, situation: { holder: null } },
    );
    expect(explanation).toMatchObject({ interrupted: true, command: "sluice run orders --partition '2026-01-05|eu'" });
    expect(explanation.steps.every((step) => step.waitsOn === "scheduler")).toBe(true);
  });

  it("that failed names the steps that did, not their teardowns, and how to run it again", () => {
    const error = { code: "TASK_FAILED", message: "boom", retryable: true, hint: "Look." } as const;
    const explanation = explain(
      [{ name: "a" }, { name: "b", dependsOn: ["a"] }, { name: "t", teardownOf: "a", dependsOn: ["a", "b"] }],
      [
        { name: "a", status: "failed", error, attempts: 2 },
        { name: "b", status: "upstream-failed", reason: "a failed", attempts: 0 },
        { name: "t", status: "failed", error, attempts: 1 },
      ],
      { record: { id: "orders-1", status: "failed", finishedAt: now } },
    );
    expect(explanation.summary).toBe("The run failed at 2026-01-05T12:00:00.000Z, because a failed.");
    expect(explanation.command).toBe("sluice rerun orders-1");
    expect(explanation.steps.map((step) => step.because)).toEqual([
      "failed after 2 attempts with TASK_FAILED: boom. Look.",
      "not started because a failed",
      "failed after 1 attempt with TASK_FAILED: boom. Look.",
    ]);
  });

  it("that succeeded though a step failed says which", () => {
    const explanation = explain(
      [{ name: "a" }, { name: "mend", dependsOn: ["a"], trigger: "one-failed" }],
      [
        { name: "a", status: "failed" },
        { name: "mend", status: "succeeded" },
      ],
      { record: { id: "orders-1", status: "succeeded", finishedAt: now } },
    );
    expect(explanation.summary).toMatch(/^The run succeeded at .+ a failed, and the steps after it dealt with that\.$/);
    expect(explanation.command).toBeNull();
  });

  it("that was cancelled or ran out of time says why", () => {
    const reason = "cancelled by ana: wrong day";
    const steps: Steps = [{ name: "a", status: "cancelled", reason }];
    const cancelled = explain([{ name: "a" }], steps, {
      record: { id: "orders-1", status: "cancelled", finishedAt: now },
    });
    expect(cancelled.summary).toBe(`The run was cancelled at 2026-01-05T12:00:00.000Z: ${reason}.`);
    const late = explain([{ name: "a" }], steps, { record: { id: "orders-1", status: "failed", finishedAt: now } });
    expect(late.summary).toBe(`The run failed at 2026-01-05T12:00:00.000Z: ${reason}.`);
  });

  it("has a sentence and something it waits on for each state that is no end", () => {
    const statuses = ["waiting", "held", "queued", "retrying", "sleeping", "mapped"] as const;
    for (const status of statuses) {
      for (const holder of [null, "process 1: sluice run a"]) {
        const explanation = explain([stepOf({ name: "a" })], [{ name: "a", status }], { situation: { holder } });
        expect(explanation.steps[0]!.waitsOn).not.toBeNull();
        expect(because(explanation)).not.toMatch(/undefined|null|NaN/);
      }
    }
  });
});
