// What was asked for has happened, once: ticks, events, requests under a key, backfills, updates of assets.
import type { BackfillRecord } from "../../src/engine/stores/request-store.ts";
import { partitionsOfTick } from "../../src/pipeline/partition.ts";
import type { Plan } from "../../src/pipeline/plan.ts";
import type { CronSchedule, IntervalSchedule } from "../../src/pipeline/schedule.ts";
import { hour } from "./drawn-pipeline.ts";
import type { People } from "./people.ts";
import type { KnownRun, World } from "./world.ts";

export async function requestBreaches(world: World, runs: readonly KnownRun[], people: People): Promise<string[]> {
  const breaches: string[] = [];
  for (const pipeline of world.workload.pipelines) {
    const { plan } = pipeline;
    const own = runs.filter(({ record }) => record.pipeline === plan.pipeline);
    const { schedule } = plan;
    if (schedule?.type === "cron" || schedule?.type === "interval")
      breaches.push(...(await tickBreaches(world, plan.pipeline, schedule, own)));
    else if (own.some(({ record }) => record.trigger === "schedule"))
      breaches.push(`${plan.pipeline} has runs of a schedule and none`);
    if (schedule?.type === "on-update")
      breaches.push(...(await updateBreaches(world, plan, schedule.assets, schedule.mode, own)));
  }
  breaches.push(...askedBreaches(world, runs, people));
  breaches.push(...(await backfillBreaches(world, runs, people)));
  return breaches;
}

/** The ticks of the schedules that are drawn, worked out by hand. */
export function ticksOf(schedule: CronSchedule | IntervalSchedule): number[] {
  const [from, to] = [schedule.from!, schedule.to!];
  const every = schedule.type === "interval" ? schedule.everyMs : hour;
  // Hourly crons: "17 * * * *". Minutes of the hour are the same in Taipei and in UTC.
  const first =
    schedule.type === "interval"
      ? from
      : Math.ceil((from - Number(schedule.cron.split(" ", 1)[0]) * 60_000) / hour) * hour +
        Number(schedule.cron.split(" ", 1)[0]) * 60_000;
  const ticks: number[] = [];
  for (let tick = first; tick < to; tick += every) ticks.push(tick);
  return ticks;
}

async function tickBreaches(
  world: World,
  pipeline: string,
  schedule: CronSchedule | IntervalSchedule,
  runs: readonly KnownRun[],
): Promise<string[]> {
  const breaches: string[] = [];
  const { partitions } = runs[0]?.plan ?? world.workload.pipelines.find(({ plan }) => plan.pipeline === pipeline)!.plan;
  const counted = new Map<string, number>();
  for (const { record } of runs) {
    if (record.trigger !== "schedule") continue;
    const name = `${record.scheduledFor}/${record.partition}`;
    counted.set(name, (counted.get(name) ?? 0) + 1);
  }
  const ticks = ticksOf(schedule);
  const expected = new Map<string, boolean>();
  for (const [index, tick] of ticks.entries()) {
    // Partitions that are added by hand may come before the tick or after it.
    const dynamic = partitions?.type === "dynamic";
    const keys = dynamic ? [] : partitionsOfTick(partitions, tick, () => []);
    for (const key of keys)
      expected.set(
        `${tick}/${key}`,
        schedule.catchup || (index === ticks.length - 1 && tick > (world.firstLooks.get(pipeline) ?? Infinity)),
      );
    if (dynamic) for (const name of counted.keys()) if (name.startsWith(`${tick}/`)) expected.set(name, false);
  }
  for (const [name, count] of counted) {
    if (!expected.has(name)) breaches.push(`${pipeline} ran for ${name}, which is no tick of its schedule`);
    if (count > 1) breaches.push(`${pipeline} ran ${count} times for ${name}`);
  }
  for (const [name, due] of expected)
    if (due && !counted.has(name)) breaches.push(`${pipeline} never ran for its tick ${name}`);
  return breaches;
}

/** No update is forgotten: after the newest one, the pipeline has run. */
async function updateBreaches(
  { store }: World,
  { pipeline, partitions }: Plan,
  assets: readonly string[],
  mode: "any" | "all",
  runs: readonly KnownRun[],
): Promise<string[]> {
  const breaches: string[] = [];
  const updates = (await store.assetUpdates(0, 1_000)).filter(({ asset }) => assets.includes(asset));
  const asked = runs.filter(({ record }) => record.trigger === "update");
  if (asked.length > updates.length * 8)
    breaches.push(`${pipeline} ran ${asked.length} times for ${updates.length} updates`);
  const due =
    mode === "any" ? updates.length > 0 : assets.every((asset) => updates.some((update) => update.asset === asset));
  // A partitioned pipeline is run for partitions that were updated, if it has them.
  if (due && asked.length === 0 && partitions === null)
    breaches.push(`${pipeline} never ran, and ${assets.join(` ${mode === "any" ? "or" : "and"} `)} was updated`);
  const last = updates.at(-1);
  if (mode === "any" && last !== undefined) {
    const state = (await store.schedules()).find((schedule) => schedule.pipeline === pipeline);
    if ((state?.handledUpdate ?? 0) < last.position)
      breaches.push(`${pipeline} never dealt with the update of ${last.asset}`);
  }
  return breaches;
}

/** One run for each request under a key, however often it was asked. */
function askedBreaches(world: World, runs: readonly KnownRun[], people: People): string[] {
  const breaches: string[] = [];
  for (const { id, instruction } of people.asked) {
    if (instruction.type === "run" && instruction.key !== null) {
      const found = runs.filter(({ record }) => record.requestKey === instruction.key).length;
      const dynamic =
        world.workload.pipelines.find(({ plan }) => plan.pipeline === instruction.pipeline)!.plan.partitions?.type ===
        "dynamic";
      if (found > 1 || (found === 0 && !dynamic))
        breaches.push(`${id} asked for a run under ${instruction.key}, and there are ${found}`);
    }
    if (instruction.type === "event") {
      for (const { plan } of world.workload.pipelines) {
        if (plan.schedule?.type !== "on-event") continue;
        const found = runs.filter(
          ({ record }) =>
            record.pipeline === plan.pipeline &&
            record.trigger === "event" &&
            record.requestKey.includes(`:${instruction.key}:`),
        );
        if (found.length !== 1)
          breaches.push(`${plan.pipeline} ran ${found.length} times for the event ${instruction.key}`);
      }
    }
  }
  return breaches;
}

async function backfillBreaches(
  { store, workload }: World,
  runs: readonly KnownRun[],
  people: People,
): Promise<string[]> {
  const breaches: string[] = [];
  const backfills = await store.backfills({ limit: 100 });
  const asked = people.asked.filter(({ instruction }) => instruction.type === "backfill");
  if (backfills.length > asked.length)
    breaches.push(`${asked.length} backfills were asked for, and there are ${backfills.length}`);
  if (workload.tame && backfills.length < asked.length)
    breaches.push(`${asked.length} backfills were asked for, and there are ${backfills.length}`);
  const resumed = new Set(
    people.asked.flatMap(({ instruction }) => (instruction.type === "resume-backfill" ? [instruction.backfill] : [])),
  );
  for (const backfill of backfills) breaches.push(...oneBackfill(backfill, runs, resumed.has(backfill.id)));
  return breaches;
}

function oneBackfill(backfill: BackfillRecord, all: readonly KnownRun[], resumed: boolean): string[] {
  const breaches: string[] = [];
  const breach = (what: string): void => void breaches.push(`backfill ${backfill.id} ${what}`);
  const runs = all.filter(({ record }) => record.backfill === backfill.id);
  const ended = (status: string): number => runs.filter(({ stored }) => stored.record.status === status).length;
  if (backfill.status === "running") breach("is left open");
  // One that was resumed has run again what had not succeeded.
  const partitions = new Set(runs.map(({ record }) => record.partition));
  if (!resumed && partitions.size !== runs.length) breach("ran a partition twice");
  if (backfill.status === "cancelled") return breaches;
  if (backfill.position !== backfill.total) breach(`ended at ${backfill.position} of ${backfill.total} partitions`);
  if (backfill.mode === "all" && partitions.size !== backfill.total)
    breach(`ran ${partitions.size} of ${backfill.total} partitions`);
  if (backfill.requested !== partitions.size)
    breach(`says it asked for ${backfill.requested} runs, and there are ${partitions.size}`);
  if (backfill.succeeded + backfill.failed !== backfill.requested)
    breach(`counts ${backfill.succeeded} successes and ${backfill.failed} failures of ${backfill.requested} runs`);
  if ((backfill.status === "succeeded") !== (backfill.failed === 0))
    breach(`is ${backfill.status} with ${backfill.failed} failures`);
  // Where somebody else has run one of its partitions, too, it is that run that may count.
  const shared = all.some(
    ({ record }) =>
      record.pipeline === backfill.pipeline && record.backfill !== backfill.id && partitions.has(record.partition),
  );
  if (shared || resumed) return breaches;
  if (backfill.succeeded !== ended("succeeded"))
    breach(`counts ${backfill.succeeded} successes, and there are ${ended("succeeded")}`);
  return breaches;
}
