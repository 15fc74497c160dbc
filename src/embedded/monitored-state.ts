// Gathers, from the stores, what the metrics and the status page show. What it reads grows with the project (pipelines,
// pools, attempts under way), never with how many runs there have been.
import type { Dataset } from "../dataset/dataset.ts";
import type { EngineState, MonitoredState } from "../monitor/metrics.ts";
import { dueSince } from "../monitor/schedule-view.ts";
import { plannedStep } from "../monitor/situation.ts";
import type { Plan } from "../pipeline/plan.ts";
import { currentPlans, engineSituation } from "./explanations.ts";
import type { Reader } from "./reader.ts";

export async function readMonitoredState(reader: Reader): Promise<Omit<MonitoredState, "version">> {
  const indexes = reader.indexes();
  const quarantine = new Map<string, { pipeline: string; step: string; rows: number }>();
  for (const { pipeline, step, rows } of await reader.quarantine()) {
    const key = JSON.stringify([pipeline, step]);
    quarantine.set(key, { pipeline, step, rows: rows + (quarantine.get(key)?.rows ?? 0) });
  }
  const { holder, schedules } = engineSituation(reader);
  return {
    schedulerActive: holder !== null,
    runsSchedules: schedules === true,
    statistics: await reader.store().statistics(),
    engine: await readEngineState(reader),
    slots: await readSlots(reader),
    quarantine: [...quarantine.values()],
    views: await reader.views(),
    indexes: await Promise.all(indexes.map(async (index) => ({ index, ...(await reader.indexSize(index)) }))),
  };
}

async function readSlots(reader: Reader): Promise<MonitoredState["slots"]> {
  const store = reader.store();
  const found: MonitoredState["slots"][number][] = [];
  for (const { pipeline, steps } of await currentPlans(reader)) {
    if (!steps.some(({ kind }) => kind === "extract")) continue;
    const [newest] = await store.runs({ pipeline, limit: 1 });
    if (newest === undefined) continue;
    for (const { name, output } of await store.steps(newest.id)) {
      const replication = (output as Partial<Dataset> | null)?.replication;
      if (replication !== undefined) found.push({ pipeline, step: name, ...replication });
    }
  }
  return found;
}

async function readEngineState(reader: Reader): Promise<EngineState> {
  const store = reader.store();
  const { now, holder, pools } = engineSituation(reader);
  const { requests, backfills } = await store.backlog();
  // What is stored as live while nobody works was under way when the process stopped.
  const live = holder === null ? [] : await store.live();
  const used = new Map<string, number>();
  const plans = new Map<string, Plan | null>();
  for (const { runId, step } of live) {
    if (!plans.has(runId)) {
      const [run] = await store.runsNamed(runId, 1);
      plans.set(runId, run === undefined ? null : await store.plan(run.version));
    }
    for (const [pool, slots] of Object.entries(plannedStep(plans.get(runId)!, step)?.pools ?? {}))
      used.set(pool, (used.get(pool) ?? 0) + slots);
  }
  const states = await store.schedules();
  const schedules = [];
  for (const plan of await currentPlans(reader)) {
    if (plan.schedule === null) continue;
    const { pipeline } = plan;
    const state = states.find((item) => item.pipeline === pipeline) ?? null;
    const oldest = await store.requests({ pipeline, limit: 1 });
    schedules.push({ pipeline, paused: state?.paused ?? false, due: dueSince(plan, state, oldest, now) });
  }
  return {
    now,
    live: live.length,
    pools: Object.entries(pools ?? {}).map(([pool, size]) => ({ pool, size, used: used.get(pool) ?? 0 })),
    requests,
    backfills,
    schedules,
    notices: await store.noticeCounts(),
  };
}
