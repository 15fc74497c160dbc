// Schedules as programs and people see them: what starts a pipeline, when next, and what was due and has no run.
import type { RunRequest, ScheduleState } from "../engine/stores/request-store.ts";
import type { Plan } from "../pipeline/plan.ts";
import { jitterOf, nextTick, type Schedule } from "../pipeline/schedule.ts";
import { isoTime, viewRun, type RunView } from "./run-view.ts";
import { listed, span } from "./sentence.ts";
import type { PipelineSituation } from "./situation.ts";

export interface ScheduleView {
  readonly pipeline: string;
  readonly type: Schedule["type"] | null;
  /** In words: `cron "0 2 * * *" in Asia/Taipei`; null for a pipeline that only people start. */
  readonly schedule: string | null;
  readonly paused: boolean;
  /** When its next run is asked for; null when it is not known, or never. */
  readonly next: string | null;
  /** Since when a run is due that has not begun; null when none is. */
  readonly due: string | null;
  /** How many runs are asked for and have not begun. */
  readonly waiting: number;
  /** How many runs are under way, those of backfills among them. */
  readonly active: number;
  readonly lastRun: RunView | null;
}

export function viewSchedule(situation: PipelineSituation, now: number): ScheduleView {
  const { pipeline, plan, schedule, requests, waiting, running, lastRun } = situation;
  const paused = schedule?.paused ?? false;
  return {
    pipeline,
    type: plan?.schedule?.type ?? null,
    schedule: plan?.schedule ? scheduleText(plan.schedule) : null,
    paused,
    next: isoTime(paused || plan === null ? null : nextRunAt(plan, now)),
    due: isoTime(plan === null ? null : dueSince(plan, schedule, requests, now)),
    waiting,
    active: running.length,
    lastRun: lastRun === null ? null : viewRun(lastRun),
  };
}

export function scheduleText(schedule: Schedule): string {
  switch (schedule.type) {
    case "cron":
      return `cron "${schedule.cron}" in ${schedule.timeZone}`;
    case "interval":
      return `every ${span(schedule.everyMs)}`;
    case "on-update":
      return `when ${listed(schedule.assets)} ${schedule.assets.length === 1 ? "is" : schedule.mode === "any" ? "(any of them) is" : "(all of them) are"} updated`;
    case "on-event":
      return `on the event ${schedule.event}`;
  }
}

/** When the next tick after `now` asks for a run, with what it is put off by; null where no clock decides. */
export function nextRunAt(plan: Plan, now: number): number | null {
  const { schedule } = plan;
  if (schedule?.type !== "cron" && schedule?.type !== "interval") return null;
  // A tick that has passed may still be put off into the future.
  const tick = nextTick(schedule, now - schedule.jitterMs);
  if (tick === null) return null;
  const at = tick + jitterOf(schedule, plan.pipeline, tick);
  if (at > now) return at;
  const later = nextTick(schedule, now);
  return later === null ? null : later + jitterOf(schedule, plan.pipeline, later);
}

/**
 * Since when a run is due by the clock and has not begun: a tick that no scheduler has looked at, or one whose request
 * still waits. A paused schedule owes nothing, and neither does one that nobody has looked at yet.
 */
export function dueSince(
  plan: Plan,
  state: ScheduleState | null,
  requests: readonly RunRequest[],
  now: number,
): number | null {
  const { schedule } = plan;
  if (state === null || state.paused || (schedule?.type !== "cron" && schedule?.type !== "interval")) return null;
  const waiting = requests.flatMap(({ trigger, scheduledFor, notBefore }) =>
    trigger === "schedule" && scheduledFor !== null && notBefore <= now ? [notBefore] : [],
  );
  const tick = state.handledTick === null ? null : nextTick(schedule, state.handledTick);
  const missed = tick === null ? null : tick + jitterOf(schedule, plan.pipeline, tick);
  const due = [...waiting, ...(missed !== null && missed <= now ? [missed] : [])];
  return due.length === 0 ? null : Math.min(...due);
}
