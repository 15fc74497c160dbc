// When a pipeline runs next and what stops it; and what a run that was asked for waits for. Reads what is stored, and
// decides nothing.
import type { RunRequest } from "../engine/stores/request-store.ts";
import type { RunRecord } from "../engine/stores/run-store.ts";
import type { Schedule } from "../pipeline/schedule.ts";
import { isoTime } from "./run-view.ts";
import { dueSince, nextRunAt, scheduleText } from "./schedule-view.ts";
import { counted, listed, runCommand, span } from "./sentence.ts";
import type { PipelineSituation, Situation } from "./situation.ts";

export interface PipelineExplanation {
  /** One sentence about it. */
  readonly summary: string;
  /** Everything that stops it, or that it waits for, as sentences. */
  readonly reasons: readonly string[];
  /** What to type next; null when there is nothing to do. */
  readonly command: string | null;
}

/** What is known of the engine, without its runs. */
export type EngineSituation = Pick<Situation, "now" | "holder" | "schedules">;

/** When the pipeline is due next, and what stops it. */
export function explainPipeline(pipeline: PipelineSituation, engine: EngineSituation): PipelineExplanation {
  const { plan } = pipeline;
  if (plan === null) {
    return {
      summary: `Pipeline ${pipeline.pipeline} is not defined any more.`,
      reasons: pipeline.waiting === 0 ? [] : [`${counted(pipeline.waiting, "request")} for it can't be started`],
      command: null,
    };
  }
  const reasons: string[] = [];
  const paused = pipeline.schedule?.paused === true;
  const due = dueSince(plan, pipeline.schedule, pipeline.requests, engine.now);
  if (plan.schedule !== null || pipeline.waiting > 0) {
    if (paused) reasons.push("its schedule is paused");
    const stopped = schedulerText(engine);
    if (stopped !== null) reasons.push(stopped);
  }
  if (pipeline.waiting > 0) {
    const oldest = pipeline.requests[0];
    reasons.push(
      `${counted(pipeline.waiting, "run")} ${pipeline.waiting === 1 ? "is" : "are"} asked for and ${pipeline.waiting === 1 ? "has" : "have"} not begun${oldest === undefined ? "" : `, the oldest ${requestName(oldest)}: ${waitOf(oldest, pipeline, engine)}`}`,
    );
  }
  if (pipeline.running.length > 0) reasons.push(`${runsText(pipeline.running)} under way`);
  for (const backfill of pipeline.backfills.filter((item) => item.status === "running")) {
    const ended = backfill.succeeded + backfill.failed;
    reasons.push(
      `backfill ${backfill.id} has looked at ${backfill.position.toLocaleString("en-US")} of ${counted(backfill.total, "partition")} (${counted(ended, "run")} ended, ${backfill.requested - ended} under way or asked for, ${backfill.parallel} at a time)`,
    );
  }
  return {
    summary: summaryOf(pipeline, engine, due),
    reasons,
    command: commandOf(pipeline, engine, paused),
  };
}

function summaryOf(
  { pipeline, plan, schedule, updated }: PipelineSituation,
  { now }: EngineSituation,
  due: number | null,
): string {
  const rule = plan?.schedule ?? null;
  if (rule === null) return `Pipeline ${pipeline} has no schedule: it runs when somebody asks for it.`;
  const text = `Pipeline ${pipeline} runs ${ruleText(rule)}`;
  if (schedule?.paused === true) return `${text}, and is paused.`;
  if (due !== null) return `${text}. A run is due since ${isoTime(due)} (${span(now - due)}).`;
  if (rule.type === "on-update") {
    const open = rule.assets.filter((asset) => !updated.includes(asset));
    if (rule.mode === "any" || updated.length === 0) return `${text}. None was updated since its last run for that.`;
    return open.length === 0
      ? `${text}. All of them were.`
      : `${text}. It waits for ${listed(open)}; ${listed([...updated])} ${updated.length === 1 ? "was" : "were"} updated.`;
  }
  if (rule.type === "on-event") return `${text}. It waits for one.`;
  const next = plan === null ? null : nextRunAt(plan, now);
  return next === null
    ? `${text}. There is no further tick.`
    : `${text}. It is due next at ${isoTime(next)} (in ${span(next - now)}).`;
}

function ruleText(rule: Schedule): string {
  return rule.type === "cron" ? `by ${scheduleText(rule)}` : scheduleText(rule);
}

function commandOf(
  { pipeline, plan, running, waiting }: PipelineSituation,
  engine: EngineSituation,
  paused: boolean,
): string | null {
  if (paused) return `sluice unpause ${pipeline}`;
  if ((plan?.schedule != null || waiting > 0) && schedulerText(engine) !== null && engine.holder === null)
    return "sluice serve";
  if (plan?.schedule?.type === "on-event") return `sluice trigger ${plan.schedule.event}`;
  if (running.length > 0) return `sluice why ${running[0]!.id}`;
  return plan?.schedule == null && plan?.partitions == null ? runCommand(pipeline, null) : null;
}

/** Why nothing starts by itself; null when a scheduler takes care of it. */
function schedulerText({ holder, schedules }: EngineSituation): string | null {
  if (holder === null) return "no scheduler is running";
  return schedules === false ? `the process that works on the state folder runs no schedules (${holder})` : null;
}

/** What a run that was asked for waits for. */
export function explainRequest(
  request: RunRequest,
  pipeline: PipelineSituation,
  engine: EngineSituation,
): PipelineExplanation {
  const reason = waitOf(request, pipeline, engine);
  const { running } = pipeline;
  return {
    summary: `The run asked for as ${request.key} has not begun: ${reason}.`,
    reasons: [reason],
    command:
      engine.holder === null
        ? "sluice serve"
        : request.notBefore <= engine.now && running.length > 0
          ? `sluice why ${running[0]!.id}`
          : null,
  };
}

function requestName({ key, partition }: RunRequest): string {
  return partition === null ? key : `${key} for ${partition}`;
}

function waitOf(request: RunRequest, pipeline: PipelineSituation, { now, holder }: EngineSituation): string {
  if (holder === null) return "no scheduler is running";
  if (request.notBefore > now)
    return `it begins at ${isoTime(request.notBefore)} (in ${span(request.notBefore - now)})`;
  if (pipeline.plan === null) return `pipeline ${request.pipeline} is not defined any more`;
  if (request.backfill !== null) {
    const backfill = pipeline.backfills.find((item) => item.id === request.backfill);
    const own = pipeline.running.filter((run) => run.backfill === request.backfill);
    if (backfill !== undefined && backfill.status !== "running")
      return `its backfill ${backfill.id} is ${backfill.status}`;
    if (backfill !== undefined && own.length >= backfill.parallel)
      return `its backfill runs ${backfill.parallel} at a time, and ${runsText(own)} under way`;
    return "it is the next of its backfill";
  }
  const own = pipeline.running.filter((run) => run.backfill === null);
  const { maxActiveRuns } = pipeline.plan;
  if (own.length >= maxActiveRuns)
    return `the pipeline runs at most ${maxActiveRuns} at a time (maxActiveRuns), and ${runsText(own)} under way`;
  return "it is taken up next";
}

function runsText(runs: readonly RunRecord[]): string {
  return `${listed(
    runs.map((run) => run.id),
    4,
  )} ${runs.length === 1 ? "is" : "are"}`;
}
