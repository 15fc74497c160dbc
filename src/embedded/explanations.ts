// Gathers, from what is stored, all that an explanation needs: what is under way, who holds which slot, and what held
// steps wait for. It explains nothing itself.
import type { RunRequest } from "../engine/stores/request-store.ts";
import type { RunRecord, StoredStep } from "../engine/stores/run-store.ts";
import { isEnd } from "../engine/state-machine/state.ts";
import { SluiceError } from "../errors.ts";
import { explainRun, type Explanation } from "../monitor/explain.ts";
import { explainPipeline, explainRequest, type PipelineExplanation } from "../monitor/explain-pipeline.ts";
import type { AwaitedRun, PipelineSituation, RunningRun, Situation } from "../monitor/situation.ts";
import { overlappingPartitions, previousPartition } from "../pipeline/partition.ts";
import type { Plan, PlanStep } from "../pipeline/plan.ts";
import type { EngineReader, Reader } from "./reader.ts";

/** How many runs under way are looked at for who holds and who goes before; more are no help to a reader. */
const runsRead = 500;
/** How many other partitions of a step that waits for them. */
const awaitedRead = 100;

/** What is known of the engine at this moment, without its runs. */
export function engineSituation(reader: Reader, now: number = Date.now()): Omit<Situation, "live" | "running"> {
  const note = reader.note();
  const holder = reader.holder();
  return {
    now,
    holder,
    schedules: holder === null ? false : (note?.schedules ?? null),
    pools: note?.pools ?? null,
    capacity: note?.capacity ?? null,
    machine: note?.machine ?? null,
  };
}

/** What the steps of a run wait for, or how they ended. */
export async function explainStoredRun(reader: Reader, record: RunRecord): Promise<Explanation> {
  const store = reader.store();
  const plan = await store.plan(record.version);
  const steps = await store.steps(record.id);
  const situation = {
    ...engineSituation(reader),
    ...(record.status === "running" ? await underWay(store) : { live: [], running: [] }),
  };
  const awaited = new Map<string, readonly AwaitedRun[]>();
  for (const step of steps) {
    const planned = plan?.steps.find(({ name }) => name === step.name);
    if (step.status !== "held" || step.awaits === "decision" || planned === undefined) continue;
    awaited.set(step.name, await awaitedRuns(reader, record, plan!, planned, step));
  }
  return explainRun({ record, steps, plan, situation, awaited });
}

/** What a run that was asked for waits for; null when no such request waits. */
export async function explainStoredRequest(reader: Reader, request: RunRequest): Promise<PipelineExplanation> {
  return explainRequest(request, await pipelineSituation(reader, request.pipeline), engineSituation(reader));
}

export async function explainStoredPipeline(
  reader: Reader,
  pipeline: string,
): Promise<PipelineExplanation & { readonly situation: PipelineSituation }> {
  const situation = await pipelineSituation(reader, pipeline);
  return { ...explainPipeline(situation, engineSituation(reader)), situation };
}

/** The current plan of every pipeline that the last engine knew, by name. */
export async function currentPlans(reader: Reader): Promise<Plan[]> {
  const store = reader.store();
  const versions = Object.entries(reader.note()?.versions ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const plans = await Promise.all(versions.map(([, version]) => store.plan(version)));
  return plans.filter((plan) => plan !== null);
}

/** The plan that a pipeline's next run gets; NOT_FOUND for one that no engine has known. */
export async function currentPlan(reader: Reader, pipeline: string): Promise<Plan> {
  const plan = await planOf(reader, pipeline);
  if (plan !== null) return plan;
  const known = Object.keys(reader.note()?.versions ?? {});
  throw new SluiceError("NOT_FOUND", `There is no pipeline "${pipeline}"`, {
    hint: known.length === 0 ? "Nothing has been run yet; see: sluice list" : `There are ${known.join(", ")}.`,
  });
}

async function planOf(reader: Reader, pipeline: string): Promise<Plan | null> {
  const store = reader.store();
  const note = reader.note();
  // Without a note, the version that was seen last; with one, a pipeline that isn't in it is not defined any more.
  const version = note === null ? (await store.versions(pipeline))[0]?.version : note.versions[pipeline];
  return version === undefined ? null : store.plan(version);
}

/**
 * What is asked of a pipeline, and what it does by itself; NOT_FOUND for one that was never known.
 *
 * @param known Its plan, where the caller has loaded it.
 */
export async function pipelineSituation(
  reader: Reader,
  pipeline: string,
  known: Plan | null = null,
): Promise<PipelineSituation> {
  const store = reader.store();
  const plan = known ?? (await planOf(reader, pipeline));
  if (plan === null && (await store.versions(pipeline)).length === 0) await currentPlan(reader, pipeline);
  const schedule = (await store.schedules()).find((state) => state.pipeline === pipeline) ?? null;
  const { requests } = await store.backlog();
  const updated: string[] = [];
  if (plan?.schedule?.type === "on-update") {
    for (const asset of plan.schedule.assets) {
      const newest = await store.newestUpdate(asset);
      if (newest !== null && newest.position > (schedule?.handledUpdate ?? 0)) updated.push(asset);
    }
  }
  return {
    pipeline,
    plan,
    schedule,
    requests: await store.requests({ pipeline, limit: 10 }),
    waiting: requests.find((row) => row.pipeline === pipeline)?.count ?? 0,
    running: await store.runs({ pipeline, status: "running", limit: runsRead }),
    backfills: await store.backfills({ pipeline, status: "running", limit: 20 }),
    lastRun: (await store.runs({ pipeline, limit: 1 }))[0] ?? null,
    updated,
  };
}

async function underWay(store: EngineReader): Promise<Pick<Situation, "live" | "running">> {
  const records = await store.runs({ status: "running", limit: runsRead });
  const plans = new Map<string, Plan | null>();
  const running: RunningRun[] = [];
  for (const record of records.reverse()) {
    if (!plans.has(record.version)) plans.set(record.version, await store.plan(record.version));
    running.push({ record, plan: plans.get(record.version)!, steps: await store.steps(record.id) });
  }
  return { live: await store.live(), running };
}

async function awaitedRuns(
  reader: Reader,
  record: RunRecord,
  plan: Plan,
  planned: PlanStep,
  step: StoredStep,
): Promise<AwaitedRun[]> {
  const store = reader.store();
  if (step.awaits === "past") {
    const before =
      plan.partitions === null || record.partition === null
        ? null
        : previousPartition(plan.partitions, record.partition);
    return before === null ? [] : [await awaitedRun(store, plan.pipeline, before, planned.name)];
  }
  if (planned.control.type !== "await-run") return [];
  const { pipeline, offset, step: name } = planned.control;
  const other = await planOf(reader, pipeline);
  const partitions =
    plan.partitions === null || record.partition === null || other === null || other.partitions === null
      ? [null]
      : overlappingPartitions(plan.partitions, record.partition, offset, other.partitions);
  return Promise.all(partitions.slice(0, awaitedRead).map((partition) => awaitedRun(store, pipeline, partition, name)));
}

async function awaitedRun(
  store: EngineReader,
  pipeline: string,
  partition: string | null,
  step: string | null,
): Promise<AwaitedRun> {
  const newest = await store.newestRun(pipeline, partition);
  const run = newest === null ? null : { id: newest.id, status: newest.status };
  if (step === null) {
    const met = newest !== null && (await store.newestRun(pipeline, partition, true)) !== null;
    return { pipeline, partition, step, run, stepStatus: null, met };
  }
  const steps = newest === null ? [] : await store.steps(newest.id);
  const stepStatus = steps.find(({ name }) => name === step)?.status ?? null;
  const met = stepStatus !== null && isEnd(stepStatus) && (stepStatus === "succeeded" || stepStatus === "skipped");
  return { pipeline, partition, step, run, stepStatus, met };
}
