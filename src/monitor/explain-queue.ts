// Why an attempt that is due has not begun: the slots, keys, workers and resources it would need, who has them, and how
// many others are to have them first. A slot is a live attempt, here as in the engine; nothing is counted elsewhere.
import type { LiveAttempt } from "../engine/stores/run-store.ts";
import type { PlanStep } from "../pipeline/plan.ts";
import { counted, listed } from "./sentence.ts";
import { plannedStep, workName, type RunningRun, type Situation } from "./situation.ts";

export interface HeldBack {
  /** What it waits for: "a slot of pool api (…)". */
  readonly reasons: readonly string[];
  readonly by: readonly ("pool" | "key" | "worker" | "resources")[];
  /** How many attempts that are due go before it. */
  readonly ahead: number;
}

/** How many holders of a slot are named. */
const named = 4;

export function heldBack(run: RunningRun, planned: PlanStep, situation: Situation): HeldBack {
  const held: { readonly reason: string; readonly by: HeldBack["by"][number]; readonly same: Contends }[] = [];
  const lives = situation.live.map((live) => ({ live, step: stepOf(live, situation) }));
  for (const [pool, need] of Object.entries(planned.pools)) {
    const size = situation.pools?.[pool];
    const holders = lives.filter(({ step }) => (step?.pools[pool] ?? 0) > 0);
    const used = holders.reduce((sum, { step }) => sum + (step?.pools[pool] ?? 0), 0);
    if (size === undefined || used + need <= size) continue;
    const slots = need === 1 ? "a slot" : `${need} slots`;
    held.push({
      by: "pool",
      reason: `${slots} of pool ${pool} (${used} of ${size} taken, by ${holdersText(holders)})`,
      same: (other) => (other.pools[pool] ?? 0) > 0,
    });
  }
  const { concurrency } = planned;
  if (concurrency !== null) {
    const holders = lives.filter(({ step }) => step?.concurrency?.key === concurrency.key);
    // Which value of the field an item has is not in the stored state, so with `per` it may be one of several keys.
    if (holders.length >= concurrency.limit) {
      const key = concurrency.per === null ? concurrency.key : `${concurrency.key} of its ${concurrency.per}`;
      held.push({
        by: "key",
        reason: `key ${key} (${concurrency.limit} at a time, held by ${holdersText(holders)})`,
        same: (other) => other.concurrency?.key === concurrency.key,
      });
    }
  }
  const short = shortResources(planned, lives, situation);
  if (short !== null) held.push({ by: "resources", reason: short, same: (other) => usesResources(other) });
  if (situation.capacity !== null && situation.live.length >= situation.capacity)
    held.push({ by: "worker", reason: workerText(situation), same: () => true });
  return {
    reasons: held.map((item) => item.reason),
    by: held.map((item) => item.by),
    ahead: attemptsAhead(run, planned, situation, (other) => held.some((item) => item.same(other))),
  };
}

/**
 * What it may be waiting for although nobody is stored as having it: an attempt of less than a second is not stored as being
 * under way, so among those that want the same, whoever has it can't be told. Null where all of them have room.
 */
export function mayBeHeldBack(run: RunningRun, planned: PlanStep, situation: Situation): string | null {
  const wanted: string[] = [];
  const rivals = new Set<string>();
  const compare = (what: string, room: number, amount: (step: PlanStep) => number): void => {
    const found: string[] = [];
    let sum = amount(planned);
    for (const live of situation.live) {
      const step = stepOf(live, situation);
      sum += step === null ? 0 : amount(step);
    }
    for (const other of situation.running) {
      for (const step of other.steps) {
        const theirs = plannedStep(other.plan, step.name);
        const own = other.record.id === run.record.id && step.name === planned.name;
        const due = theirs === null || amount(theirs) === 0 ? 0 : dueAttempts(other, step, situation) - (own ? 1 : 0);
        if (due <= 0) continue;
        sum += due * amount(theirs!);
        found.push(workName({ runId: other.record.id, step: step.name, item: null }));
      }
    }
    if (sum <= room || found.length === 0) return;
    wanted.push(what);
    for (const name of found) rivals.add(name);
  };
  for (const [pool, need] of Object.entries(planned.pools)) {
    const size = situation.pools?.[pool] ?? Number.POSITIVE_INFINITY;
    compare(`${need === 1 ? "a slot" : `${need} slots`} of pool ${pool}`, size, (step) => step.pools[pool] ?? 0);
  }
  const { concurrency } = planned;
  if (concurrency !== null)
    compare(`key ${concurrency.key}`, concurrency.limit, (step) => (step.concurrency?.key === concurrency.key ? 1 : 0));
  compare("a worker", situation.capacity ?? Number.POSITIVE_INFINITY, () => 1);
  if (wanted.length === 0) return null;
  return `waits for ${listed(wanted)}, which one of these has had for less than a second: ${listed([...rivals], named)}`;
}

type Contends = (other: PlanStep) => boolean;

/** What of the machine is short. An attempt may always go when nothing else is under way, however much it asks for. */
function shortResources(
  planned: PlanStep,
  lives: readonly { readonly step: PlanStep | null }[],
  { machine }: Situation,
): string | null {
  if (machine === null || lives.length === 0 || !usesResources(planned)) return null;
  const sum = (of: "cpus" | "memory"): number =>
    lives.reduce((total, { step }) => total + (step?.resources[of] ?? 0), 0);
  const { cpus, memory } = planned.resources;
  if (cpus > 0 && sum("cpus") + cpus > machine.cpus)
    return `${counted(cpus, "CPU")} (${sum("cpus")} of ${machine.cpus} in use)`;
  if (memory > 0 && sum("memory") + memory > machine.memory)
    return `${gigabytes(memory)} of memory (${gigabytes(sum("memory"))} of ${gigabytes(machine.memory)} in use)`;
  return null;
}

function usesResources({ resources }: PlanStep): boolean {
  return resources.cpus > 0 || resources.memory > 0;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

function workerText({ live, capacity }: Situation): string {
  return `a worker (${counted(live.length, "attempt")} under way, and room for ${capacity})`;
}

function holdersText(holders: readonly { readonly live: LiveAttempt }[]): string {
  return listed(
    holders.map(({ live }) => workName(live)),
    named,
  );
}

function stepOf(live: LiveAttempt, { running }: Situation): PlanStep | null {
  const run = running.find(({ record }) => record.id === live.runId);
  return plannedStep(run?.plan ?? null, live.step);
}

/** Attempts that are due and go first, of those that want what is short. */
function attemptsAhead(run: RunningRun, planned: PlanStep, situation: Situation, contends: Contends): number {
  const own = placeOf(run, planned);
  let ahead = 0;
  for (const other of situation.running) {
    for (const step of other.steps) {
      const theirs = plannedStep(other.plan, step.name);
      if (theirs === null || !contends(theirs)) continue;
      if (comparePlaces(placeOf(other, theirs), own) < 0) ahead += dueAttempts(other, step, situation);
    }
  }
  return ahead;
}

function dueAttempts(run: RunningRun, step: RunningRun["steps"][number], { live }: Situation): number {
  const due = step.status === "queued" ? 1 : step.status === "mapped" ? (step.items?.queued ?? 0) : 0;
  const begun = live.filter((item) => item.runId === run.record.id && item.step === step.name).length;
  return Math.max(0, due - begun);
}

/** Who goes first: the higher priority, then others before backfills, then the older run, then the earlier step. */
function placeOf({ record, plan }: RunningRun, planned: PlanStep): readonly number[] {
  return [-planned.priority, record.backfill === null ? 0 : 1, record.sequence, plan?.steps.indexOf(planned) ?? 0];
}

function comparePlaces(left: readonly number[], right: readonly number[]): number {
  for (const [position, value] of left.entries()) {
    if (value !== right[position]) return value - right[position]!;
  }
  return 0;
}
