// What one step of a run waits for, or how it ended, as a sentence without its subject: "waits for clean (queued)".
import type { StoredStep } from "../engine/stores/run-store.ts";
import type { StepStatus } from "../engine/state-machine/state.ts";
import type { PlanStep } from "../pipeline/plan.ts";
import { heldBack, mayBeHeldBack } from "./explain-queue.ts";
import { isoTime } from "./run-view.ts";
import { counted, listed, shellWord, span } from "./sentence.ts";
import { plannedStep, type AwaitedRun, type RunningRun, type Situation } from "./situation.ts";

/**
 * steps: others of its run · scheduler: no process works on the run · worker, pool, key, resources: an attempt that is due
 * can't begin · attempt: one is under way · timer: a retry or a sensor's next look · decision: a person · run: runs of other
 * partitions or pipelines · items: those of a mapped step.
 */
export type WaitsOn =
  | "steps"
  | "scheduler"
  | "worker"
  | "pool"
  | "key"
  | "resources"
  | "attempt"
  | "timer"
  | "decision"
  | "run"
  | "items";

export interface StepExplanation {
  readonly name: string;
  readonly status: StepStatus;
  /** A sentence without its subject: "waits for clean (queued)". */
  readonly because: string;
  /** Names of the steps it waits for. */
  readonly waitsFor: readonly string[];
  /** What it waits on; null when it has ended. */
  readonly waitsOn: WaitsOn | null;
  /** What to type to let it go on; null where time or the engine does it. */
  readonly command: string | null;
}

export interface StepContext {
  readonly run: RunningRun;
  readonly situation: Situation;
  /** What held steps wait for, by step. */
  readonly awaited: ReadonlyMap<string, readonly AwaitedRun[]>;
}

type Told = Pick<StepExplanation, "because"> & Partial<Pick<StepExplanation, "waitsFor" | "waitsOn" | "command">>;

export function explainStep(step: StoredStep, context: StepContext): StepExplanation {
  const told = tell(step, plannedStep(context.run.plan, step.name), context);
  return { name: step.name, status: step.status, waitsFor: [], waitsOn: null, command: null, ...told };
}

function tell(step: StoredStep, planned: PlanStep | null, context: StepContext): Told {
  switch (step.status) {
    case "waiting":
      return waiting(planned, context);
    case "queued":
      return queued(step, planned, context);
    case "mapped":
      return mapped(step, planned, context);
    case "retrying":
      return retrying(step, planned, context);
    case "sleeping":
      return sleeping(step, planned, context);
    case "held":
      return held(step, planned, context);
    default:
      return { because: ended(step, planned) };
  }
}

function waiting(planned: PlanStep | null, { run }: StepContext): Told {
  const statusOf = (name: string): StepStatus | "unknown" =>
    run.steps.find((other) => other.name === name)?.status ?? "unknown";
  const open = (planned?.dependsOn ?? []).filter((name) => !hasEnded(statusOf(name)));
  if (open.length === 0) return { because: "is about to be started", waitsOn: "scheduler" };
  const named = listed(
    open.map((name) => `${name} (${statusOf(name)})`),
    6,
  );
  const teardown = planned?.teardownOf ?? null;
  const rule =
    planned === null || planned.trigger === "all-succeeded" ? "" : `, and starts by the rule ${planned.trigger}`;
  return {
    because:
      teardown === null
        ? `waits for ${named}${rule}`
        : `tears down ${teardown}, once ${named} ${open.length === 1 ? "has" : "have"} ended`,
    waitsFor: open,
    waitsOn: "steps",
  };
}

const ends: ReadonlySet<string> = new Set(["succeeded", "failed", "upstream-failed", "skipped", "cancelled"]);

function hasEnded(status: StepStatus | "unknown"): boolean {
  return ends.has(status);
}

function queued(step: StoredStep, planned: PlanStep | null, { run, situation }: StepContext): Told {
  const what = planned?.control.type === "sense" ? `look ${step.attempts}` : `attempt ${step.attempts}`;
  if (situation.holder === null) {
    return {
      because: `${what} was under way when the process stopped; it starts again when the run is resumed`,
      waitsOn: "scheduler",
    };
  }
  const live = situation.live.find((item) => item.runId === run.record.id && item.step === step.name);
  if (live !== undefined) {
    const limit = planned?.timeoutMs ? `, and is stopped after ${span(planned.timeoutMs)}` : "";
    return {
      because: `${what} runs since ${isoTime(live.startedAt)} (${span(situation.now - live.startedAt)})${limit}`,
      waitsOn: "attempt",
    };
  }
  const { reasons, by, ahead } =
    planned === null ? { reasons: [], by: [], ahead: 0 } : heldBack(run, planned, situation);
  if (reasons.length === 0) {
    const perhaps = planned === null ? null : mayBeHeldBack(run, planned, situation);
    const or = perhaps === null ? "begins now" : perhaps;
    return { because: `${what} has just begun, or ${or}`, waitsOn: "worker" };
  }
  return { because: `${what} waits for ${listed(reasons)}${aheadText(ahead)}`, waitsOn: by[0]! };
}

function aheadText(ahead: number): string {
  return ahead === 0 ? "; it is the next" : `; ${counted(ahead, "attempt")} ${ahead === 1 ? "goes" : "go"} before it`;
}

function mapped(step: StoredStep, planned: PlanStep | null, { run, situation }: StepContext): Told {
  const counts = step.items;
  if (counts === null) return { because: "works out its items", waitsOn: "items" };
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const running = situation.live.filter((item) => item.runId === run.record.id && item.step === step.name).length;
  const due = Math.max(0, counts.queued - running);
  const blocked =
    planned === null || due === 0 || situation.holder === null
      ? { reasons: [], ahead: 0 }
      : heldBack(run, planned, situation);
  const parts = [
    `${counts.succeeded.toLocaleString("en-US")} of ${counted(total, "item")} succeeded`,
    ...(counts.failed > 0 ? [`${counts.failed} failed`] : []),
    ...(counts.cancelled > 0 ? [`${counts.cancelled} cancelled`] : []),
    ...(running > 0 && situation.holder !== null ? [`${running} run`] : []),
    ...(due > 0 ? [`${due.toLocaleString("en-US")} ${blocked.reasons.length > 0 ? "wait" : "are due"}`] : []),
    ...(counts.retrying > 0 ? [`${counts.retrying} are to be tried again`] : []),
  ];
  if (situation.holder === null)
    return { because: `${parts.join(", ")}; they go on when the run is resumed`, waitsOn: "scheduler" };
  const { reasons, ahead } = blocked;
  const pools = Object.keys(planned?.pools ?? {});
  // Attempts of less than a second are not stored as being under way, so nobody can be named for having the slots.
  const through = reasons.length === 0 && due > 0 && pools.length > 0 ? ` (through pool ${listed(pools)})` : "";
  const reason = reasons.length === 0 ? through : `, for ${listed(reasons)}${ahead === 0 ? "" : aheadText(ahead)}`;
  return { because: `${parts.join(", ")}${reason}`, waitsOn: "items" };
}

function retrying(step: StoredStep, planned: PlanStep | null, { situation }: StepContext): Told {
  const of = planned === null ? "" : ` of ${planned.retry.limit + 1}`;
  const error = step.error === null ? "a failure" : `${step.error.code}: ${step.error.message}`;
  const what = `for try ${step.failures + 1}${of}, after ${error}`;
  if (situation.holder === null) return { because: `waits for the run to be resumed ${what}`, waitsOn: "scheduler" };
  return { because: `${dueText(step.wakeAt, situation.now)} ${what}`, waitsOn: "timer" };
}

/** "waits until 2026-… (12 s)", or "is due since 2026-…". */
function dueText(at: number | null, now: number): string {
  const due = at ?? now;
  return due > now ? `waits until ${isoTime(due)} (${span(due - now)})` : `is due since ${isoTime(due)}`;
}

function sleeping(step: StoredStep, planned: PlanStep | null, { situation }: StepContext): Told {
  const deadline = deadlineText(step, planned);
  const looked = `its condition was not met at ${counted(step.attempts, "look")}`;
  if (situation.holder === null)
    return { because: `${looked}; it looks again when the run is resumed${deadline}`, waitsOn: "scheduler" };
  return { because: `${looked}; it ${dueText(step.wakeAt, situation.now)} to look again${deadline}`, waitsOn: "timer" };
}

function deadlineText(step: StoredStep, planned: PlanStep | null): string {
  const control = planned?.control;
  if (control === undefined || !("deadlineMs" in control) || control.deadlineMs === null || step.startedAt === null)
    return "";
  const then = { fail: "fails", skip: "is skipped", approve: "is approved", reject: "is rejected" }[control.onDeadline];
  return `, and ${then} at ${isoTime(step.startedAt + control.deadlineMs)}`;
}

function held(step: StoredStep, planned: PlanStep | null, { run, awaited }: StepContext): Told {
  const deadline = deadlineText(step, planned);
  if (step.awaits === "decision") {
    const message = planned?.control.type === "approve" ? `: ${JSON.stringify(planned.control.message)}` : "";
    const words = `${shellWord(run.record.id)} ${shellWord(step.name)}`;
    return {
      because: `waits for a person to decide${message}${deadline}`,
      waitsOn: "decision",
      command: `sluice approve ${words}, or sluice reject ${words}`,
    };
  }
  const others = awaited.get(step.name) ?? [];
  const open = others.filter((other) => !other.met);
  if (open.length === 0) {
    const what = step.awaits === "past" ? "the partition before" : "runs of another pipeline";
    return {
      because: `waits for ${what}${others.length === 0 ? "" : ", which is there now"}${deadline}`,
      waitsOn: "run",
    };
  }
  return { because: `waits for ${listed(open.map(awaitedText), 4)}${deadline}`, waitsOn: "run" };
}

function awaitedText({ pipeline, partition, step, run, stepStatus }: AwaitedRun): string {
  const what = [step === null ? "" : `step ${step} of`, pipeline, partition ?? ""]
    .filter((part) => part !== "")
    .join(" ");
  if (run === null) return `${what} (it has no run)`;
  const state = step === null ? run.status : (stepStatus ?? "no such step");
  return `${what} (${state} in run ${run.id})`;
}

function ended(step: StoredStep, planned: PlanStep | null): string {
  const error = step.error === null ? "" : ` with ${step.error.code}: ${step.error.message}`;
  const hint = step.error?.hint === undefined ? "" : ` ${step.error.hint}`;
  const reused = step.reusedFrom === null ? "" : `; its result is that of run ${step.reusedFrom}`;
  const reason = step.reason === null ? "" : `: ${step.reason}`;
  switch (step.status) {
    case "succeeded":
      return `${decisionText(step, planned) ?? "succeeded"}${step.attempts > 1 ? ` at attempt ${step.attempts}` : ""}${itemsText(step)}${reason}${reused}`;
    case "failed":
      return step.attempts === 0
        ? `failed${error || reason}.${hint}`
        : `failed after ${counted(step.attempts, "attempt")}${error}${error === "" ? reason : ""}.${hint}`;
    case "skipped":
      return `skipped because ${step.reason ?? "a step before it did not succeed"}`;
    case "upstream-failed":
      return `not started because ${step.reason ?? "a step before it failed"}`;
    default:
      return `cancelled${reason}`;
  }
}

/** Who approved, where that is what the step was for: "approved by ana: checked". */
function decisionText({ output }: StoredStep, planned: PlanStep | null): string | null {
  if (planned?.control.type !== "approve") return null;
  const decision = output as { readonly by?: unknown; readonly note?: unknown } | null;
  if (typeof decision?.by !== "string") return null;
  return `approved by ${decision.by}${typeof decision.note === "string" ? `: ${decision.note}` : ""}`;
}

function itemsText({ items }: StoredStep): string {
  return items === null ? "" : `, all ${counted(items.succeeded, "item")}`;
}
