// When a pipeline runs by itself. A schedule is plain data in the plan, and what is due is a pure function of it, of
// what was handled before and of the time: nothing is lost while no scheduler runs, and nothing is asked for twice.
import { SluiceError } from "../errors.ts";
import { cronTicks } from "./cron.ts";
import { dayOf } from "./calendar-slots.ts";
import { milliseconds, type Duration } from "./duration.ts";
import { share } from "./share.ts";
import { firstInstantAt } from "./time-zone.ts";

/** How a pipeline's schedule is kept in the plan. Times are milliseconds since the epoch. */
export type Schedule = CronSchedule | IntervalSchedule | UpdateSchedule | EventSchedule;

interface Limits {
  /** No tick before. */
  readonly from: number | null;
  /** No tick at or after. */
  readonly to: number | null;
}

interface Ticks {
  /** Are ticks that were missed made up for? */
  readonly catchup: boolean;
  /** Each tick is put off by a share of this that depends on the pipeline's name and the tick alone. */
  readonly jitterMs: number;
  /** Of how many partitions before the tick's those that have failed are run again; absent for none. */
  readonly retryFailed?: number;
}

export interface CronSchedule extends Limits, Ticks {
  readonly type: "cron";
  readonly cron: string;
  readonly timeZone: string;
}

export interface IntervalSchedule extends Limits, Ticks {
  readonly type: "interval";
  /** Ticks are at `from` (or the epoch) plus whole multiples of this. */
  readonly everyMs: number;
}

export interface UpdateSchedule extends Limits {
  readonly type: "on-update";
  readonly assets: readonly string[];
  /** Does one updated asset suffice, or must all have been? */
  readonly mode: "any" | "all";
}

export interface EventSchedule extends Limits {
  readonly type: "on-event";
  /** The name under which events are posted. */
  readonly event: string;
}

/** The schedule a pipeline is given: one of times, of intervals, of updated assets or of events. */
export type ScheduleOptions = CronOptions | IntervalOptions | UpdateOptions | EventOptions;

interface LimitOptions {
  /** No run before: a day ("2026-01-01", from its first moment in the schedule's zone) or an instant in ISO 8601. */
  readonly from?: string;
  /** No run at or after; as `from`. */
  readonly to?: string;
}

interface TickOptions extends LimitOptions {
  /** Are times that were missed made up for, each by a run of its own? Otherwise only the last of them is. @default false */
  readonly catchup?: boolean;
  /** Each run is put off by up to this long, always as long for the same time: not all begin at once. @default "0s" */
  readonly jitter?: Duration;
  /**
   * With each run, those of so many partitions before whose newest run has failed are run again: a source that was down last
   * night is made up for tonight, without a hand. From 1 to 366. @default none
   */
  readonly retryFailed?: number;
}

/** At the times of a cron expression. */
export interface CronOptions extends TickOptions {
  /** Minute, hour, day of the month, month, day of the week: "0 2 * * *" is 02:00 each day. */
  readonly cron: string;
  /** IANA zone whose clocks are meant. @default "UTC" */
  readonly timeZone?: string;
  readonly every?: never;
  readonly onUpdate?: never;
  readonly onEvent?: never;
}

/** At equal intervals, counted from `from` or from 1970. */
export interface IntervalOptions extends TickOptions {
  readonly every: Duration;
  readonly cron?: never;
  readonly onUpdate?: never;
  readonly onEvent?: never;
}

/** When assets have been brought up to date. */
export interface UpdateOptions extends LimitOptions {
  /** Any or all of these: `any("warehouse.sales", "warehouse.stock")`, `all(…)`. One name alone stands for itself. */
  readonly onUpdate: Updates | string;
  readonly cron?: never;
  readonly every?: never;
  readonly onEvent?: never;
}

/** When something outside is told of. */
export interface EventOptions extends LimitOptions {
  /** The name under which it is told: `sluice trigger NAME`, `POST /api/events/NAME`. */
  readonly onEvent: string;
  readonly cron?: never;
  readonly every?: never;
  readonly onUpdate?: never;
}

/** What `any` and `all` make. */
export interface Updates {
  readonly mode: "any" | "all";
  readonly assets: readonly string[];
}

/** As soon as one of the assets has been updated. For `onUpdate`. */
export function any(...assets: readonly string[]): Updates {
  return { mode: "any", assets };
}

/** Once each of the assets has been updated since the last run. For `onUpdate`. */
export function all(...assets: readonly string[]): Updates {
  return { mode: "all", assets };
}

/** The schedule as it is kept in the plan; DEFINITION_INVALID where it can't be meant. */
export function scheduleOf(options: ScheduleOptions | undefined, pipeline: string): Schedule | null {
  if (options === undefined) return null;
  const kinds = (["cron", "every", "onUpdate", "onEvent"] as const).filter((kind) => options[kind] !== undefined);
  if (kinds.length !== 1) {
    const what = kinds.length === 0 ? "says not when" : `says it in two ways: ${kinds.join(" and ")}`;
    throw invalid(pipeline, what, "Give it one of cron, every, onUpdate and onEvent.");
  }
  if (options.cron !== undefined) {
    const timeZone = options.timeZone ?? "UTC";
    cronTicks(options.cron, timeZone);
    return Object.freeze({
      type: "cron",
      cron: options.cron,
      timeZone,
      ...ticksOf(options, pipeline),
      ...limitsOf(options, timeZone, pipeline),
    });
  }
  if (options.every !== undefined) {
    const everyMs = milliseconds(options.every);
    if (everyMs < 1000) throw invalid(pipeline, `comes every ${options.every}`, 'Write a second or more: "15m".');
    return Object.freeze({
      type: "interval",
      everyMs,
      ...ticksOf(options, pipeline),
      ...limitsOf(options, "UTC", pipeline),
    });
  }
  if (options.onUpdate !== undefined) {
    const { mode, assets } =
      typeof options.onUpdate === "string" ? any(options.onUpdate) : (options.onUpdate as Partial<Updates>);
    if ((mode !== "any" && mode !== "all") || !Array.isArray(assets) || !assets.every(isName) || assets.length === 0) {
      throw invalid(pipeline, "waits for no asset", 'Name them: onUpdate: any("warehouse.sales").');
    }
    return Object.freeze({
      type: "on-update",
      assets: [...new Set<string>(assets)],
      mode,
      ...limitsOf(options, "UTC", pipeline),
    });
  }
  if (!isName(options.onEvent)) throw invalid(pipeline, "waits for no event", 'Name it: onEvent: "orders.ready".');
  return Object.freeze({ type: "on-event", event: options.onEvent, ...limitsOf(options, "UTC", pipeline) });
}

/** Ticks after `afterMs`, up to and with `untilMs`, the earliest first, at most `limit`. None of a schedule without times. */
export function ticksAfter(schedule: Schedule, afterMs: number, untilMs: number, limit: number): number[] {
  const ticks: number[] = [];
  for (let last = afterMs; ticks.length < limit;) {
    const tick = nextTick(schedule, last);
    if (tick === null || tick > untilMs) break;
    ticks.push(tick);
    last = tick;
  }
  return ticks;
}

/** The first tick after an instant; null when there is none any more. Without jitter. */
export function nextTick(schedule: Schedule, afterMs: number): number | null {
  if (schedule.type !== "cron" && schedule.type !== "interval") return null;
  // The tick at `from` itself is the first.
  const after = schedule.from === null ? afterMs : Math.max(afterMs, schedule.from - 1);
  const tick =
    schedule.type === "cron" ? cronTicks(schedule.cron, schedule.timeZone).next(after) : intervalTick(schedule, after);
  return tick === null || (schedule.to !== null && tick >= schedule.to) ? null : tick;
}

function intervalTick({ everyMs, from }: IntervalSchedule, after: number): number {
  const origin = from ?? 0;
  return origin + (Math.floor((after - origin) / everyMs) + 1) * everyMs;
}

/** How long a tick of this pipeline is put off, in milliseconds: the same whenever it is asked. */
export function jitterOf(schedule: Schedule, pipeline: string, tick: number): number {
  if (schedule.type !== "cron" && schedule.type !== "interval") return 0;
  return Math.floor(share(`${pipeline} ${tick}`) * schedule.jitterMs);
}

function ticksOf(options: TickOptions, pipeline: string): Ticks {
  const { retryFailed } = options;
  if (retryFailed !== undefined && !(Number.isSafeInteger(retryFailed) && retryFailed >= 1 && retryFailed <= 366)) {
    throw invalid(pipeline, `runs ${retryFailed} partitions again`, "Write a whole number from 1 to 366.");
  }
  return {
    // Absent rather than 0: schedules without it keep their version.
    ...(retryFailed === undefined ? {} : { retryFailed }),
    catchup: options.catchup ?? false,
    jitterMs: options.jitter === undefined ? 0 : milliseconds(options.jitter),
  };
}

function limitsOf(options: LimitOptions, timeZone: string, pipeline: string): Limits {
  const [from, to] = [options.from, options.to].map((text) =>
    text === undefined ? null : instantOf(text, timeZone, pipeline),
  );
  if (from != null && to != null && from >= to) {
    throw invalid(pipeline, `has no time from ${options.from} to ${options.to}`, "Swap `from` and `to`.");
  }
  return { from: from ?? null, to: to ?? null };
}

function instantOf(text: string, timeZone: string, pipeline: string): number {
  const day = dayOf(text);
  if (day !== null) return firstInstantAt(day, timeZone);
  const instant = /^\d{4}-\d{2}-\d{2}T[\d:.]+(?:Z|[+-]\d{2}:\d{2})$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(instant)) return instant;
  throw invalid(
    pipeline,
    `is limited by "${text}"`,
    'Write a day ("2026-01-01") or an instant ("2026-01-01T02:00:00Z").',
  );
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function invalid(pipeline: string, what: string, hint: string): SluiceError {
  return new SluiceError("DEFINITION_INVALID", `The schedule of pipeline "${pipeline}" ${what}`, { hint });
}
