// When a pipeline runs next and what stops it; what a run that was asked for waits for.
import { describe, expect, it } from "vitest";
import { explainPipeline, explainRequest } from "../../../src/monitor/explain-pipeline.ts";
import { dueSince, nextRunAt, viewSchedule } from "../../../src/monitor/schedule-view.ts";
import type { BackfillRecord } from "../../../src/engine/stores/request-store.ts";
import { scheduleOf } from "../../../src/pipeline/schedule.ts";
import { planOf } from "../engine/plans.ts";
import { now, pipelineOf, recordOf, requestOf } from "./situations.ts";

const plan = planOf({ a: [] }, { schedule: scheduleOf({ cron: "0 2 * * *", timeZone: "UTC" }, "orders") });
const state = { pipeline: "orders", paused: false, handledTick: Date.UTC(2026, 0, 5, 2), handledUpdate: 0 };
const engine = { now, holder: "process 7: sluice serve", schedules: true };

const backfill: BackfillRecord = {
  id: "orders-b1",
  pipeline: "orders",
  version: plan.version,
  selection: { type: "all" },
  mode: "missing",
  parallel: 2,
  position: 1_500,
  total: 10_000,
  requested: 8,
  succeeded: 5,
  failed: 1,
  status: "running",
  createdAt: now,
  finishedAt: null,
};

describe("a pipeline", () => {
  it("says when it is due next", () => {
    const { summary, reasons, command } = explainPipeline(pipelineOf(plan, { schedule: state }), engine);
    expect(summary).toBe(
      'Pipeline orders runs by cron "0 2 * * *" in UTC. It is due next at 2026-01-06T02:00:00.000Z (in 14 h 00 min).',
    );
    expect([reasons, command]).toEqual([[], null]);
  });

  it("that is paused, or that no scheduler serves, says how to change that", () => {
    const paused = explainPipeline(pipelineOf(plan, { schedule: { ...state, paused: true } }), engine);
    expect(paused).toMatchObject({
      summary: expect.stringMatching(/, and is paused\.$/),
      reasons: ["its schedule is paused"],
      command: "sluice unpause orders",
    });
    const alone = explainPipeline(pipelineOf(plan, { schedule: state }), { now, holder: null, schedules: false });
    expect(alone).toMatchObject({ reasons: ["no scheduler is running"], command: "sluice serve" });
    const busy = { now, holder: "process 9: sluice run x", schedules: false };
    expect(explainPipeline(pipelineOf(plan, { schedule: state }), busy).reasons).toEqual([
      "the process that works on the state folder runs no schedules (process 9: sluice run x)",
    ]);
  });

  it("tells since when a run is due, what is asked for, what runs, and how far its backfills are", () => {
    const missed = { ...state, handledTick: Date.UTC(2026, 0, 4, 2) };
    const requests = [requestOf({ key: "schedule:orders:x", partition: "2026-01-04" })];
    const explanation = explainPipeline(
      pipelineOf(planOf({ a: [] }, { schedule: plan.schedule, maxActiveRuns: 1 }), {
        schedule: missed,
        requests,
        waiting: 3,
        running: [recordOf({ id: "orders-7" })],
        backfills: [backfill],
      }),
      engine,
    );
    expect(explanation.summary).toMatch(/A run is due since 2026-01-05T02:00:00\.000Z \(10 h 00 min\)\.$/);
    expect(explanation.reasons).toEqual([
      "3 runs are asked for and have not begun, the oldest schedule:orders:x for 2026-01-04: the pipeline runs at most 1 at a time (maxActiveRuns), and orders-7 is under way",
      "orders-7 is under way",
      "backfill orders-b1 has looked at 1,500 of 10,000 partitions (6 runs ended, 2 under way or asked for, 2 at a time)",
    ]);
  });

  it("that waits for updates or events says for which", () => {
    const onUpdate = planOf(
      { a: [] },
      { schedule: { type: "on-update", assets: ["w.a", "w.b"], mode: "all", from: null, to: null } },
    );
    expect(explainPipeline(pipelineOf(onUpdate, { schedule: state, updated: ["w.b"] }), engine).summary).toBe(
      "Pipeline orders runs when w.a and w.b (all of them) are updated. It waits for w.a; w.b was updated.",
    );
    const onEvent = planOf({ a: [] }, { schedule: { type: "on-event", event: "ready", from: null, to: null } });
    expect(explainPipeline(pipelineOf(onEvent, { schedule: state }), engine)).toMatchObject({
      summary: "Pipeline orders runs on the event ready. It waits for one.",
      command: "sluice trigger ready",
    });
  });

  it("without a schedule, or that is gone, says so", () => {
    expect(explainPipeline(pipelineOf(planOf({ a: [] })), engine)).toEqual({
      summary: "Pipeline orders has no schedule: it runs when somebody asks for it.",
      reasons: [],
      command: "sluice run orders",
    });
    expect(explainPipeline(pipelineOf(null, { waiting: 2 }), engine)).toMatchObject({
      summary: "Pipeline orders is not defined any more.",
      reasons: ["2 requests for it can't be started"],
    });
  });
});

describe("a run that was asked for", () => {
  const small = planOf({ a: [] }, { maxActiveRuns: 2 });
  const running = [recordOf({ id: "orders-1" }), recordOf({ id: "orders-2" })];
  const ask = (draft: Parameters<typeof requestOf>[0], pipeline: Parameters<typeof pipelineOf>[1], holder = "p") =>
    explainRequest(requestOf(draft), pipelineOf(small, pipeline), { ...engine, holder }).reasons[0];

  it("waits for its time, for room, for its backfill, or for a scheduler", () => {
    expect(ask({ key: "k", notBefore: now + 45_000 }, {})).toBe("it begins at 2026-01-05T12:00:45.000Z (in 45 s)");
    expect(ask({ key: "k" }, { running })).toBe(
      "the pipeline runs at most 2 at a time (maxActiveRuns), and orders-1 and orders-2 are under way",
    );
    expect(ask({ key: "k" }, { running: running.slice(1) })).toBe("it is taken up next");
    const own = running.map((run) => ({ ...run, backfill: "orders-b1" }));
    expect(ask({ key: "k", backfill: "orders-b1" }, { backfills: [backfill], running: own })).toBe(
      "its backfill runs 2 at a time, and orders-1 and orders-2 are under way",
    );
    // A backfill's runs take no room from others.
    expect(ask({ key: "k" }, { running: own })).toBe("it is taken up next");
    expect(explainRequest(requestOf({ key: "k" }), pipelineOf(small), { ...engine, holder: null })).toEqual({
      summary: "The run asked for as k has not begun: no scheduler is running.",
      reasons: ["no scheduler is running"],
      command: "sluice serve",
    });
  });
});

describe("a schedule", () => {
  it("is late by what no scheduler has looked at, and by what has not begun", () => {
    const missed = { ...state, handledTick: Date.UTC(2026, 0, 3, 2) };
    expect(dueSince(plan, missed, [], now)).toBe(Date.UTC(2026, 0, 4, 2));
    expect(dueSince(plan, state, [], now)).toBeNull();
    expect(dueSince(plan, state, [requestOf({ key: "k", notBefore: now - 5 })], now)).toBe(now - 5);
    // What is put off is not late, and a paused schedule owes nothing.
    expect(dueSince(plan, state, [requestOf({ key: "k", notBefore: now + 5 })], now)).toBeNull();
    expect(dueSince(plan, { ...missed, paused: true }, [], now)).toBeNull();
    expect(dueSince(plan, null, [], now)).toBeNull();
    expect(dueSince(plan, state, [requestOf({ key: "k", trigger: "manual", notBefore: now - 5 })], now)).toBeNull();
  });

  it("counts what a tick is put off by", () => {
    const jittery = planOf(
      { a: [] },
      { schedule: scheduleOf({ cron: "0 * * * *", timeZone: "UTC", jitter: "30m" }, "orders") },
    );
    for (let minute = 0; minute < 60; minute += 7) {
      const at = now + minute * 60_000;
      const next = nextRunAt(jittery, at)!;
      expect(next).toBeGreaterThan(at);
      expect(next - at).toBeLessThanOrEqual(90 * 60_000);
    }
  });

  it("is shown in words, with what is next", () => {
    expect(viewSchedule(pipelineOf(plan, { schedule: state }), now)).toEqual({
      pipeline: "orders",
      type: "cron",
      schedule: 'cron "0 2 * * *" in UTC',
      paused: false,
      next: "2026-01-06T02:00:00.000Z",
      due: null,
      waiting: 0,
      active: 0,
      lastRun: null,
    });
    expect(viewSchedule(pipelineOf(plan, { schedule: { ...state, paused: true } }), now)).toMatchObject({
      paused: true,
      next: null,
    });
  });
});
