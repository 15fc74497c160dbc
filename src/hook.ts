// Hooks: what a project, a pipeline or a step calls when something has come about. A hook is told at least once, under
// a key that is the same each time, and whatever it does, the run goes on.
import type { Setting } from "./config.ts";
import { SluiceError, type Failure } from "./errors.ts";
import type { Json } from "./json.ts";
import type { Log } from "./log.ts";

/** What hooks can be told of. `late`: not finished in the time it was given. */
export type HookEvent = "success" | "failure" | "retry" | "late";

/** What a hook is told. */
export interface HookNotice {
  /** The same each time the same thing is told: whoever keeps the keys it has seen acts once. */
  readonly key: string;
  readonly event: HookEvent;
  /** Whose hook it is. */
  readonly level: "step" | "pipeline" | "project";
  readonly runId: string;
  readonly pipeline: string;
  readonly version: string;
  readonly partition: string | null;
  /** The run's, as its pipeline's schema made them; null for a pipeline without. */
  readonly params: Json;
  /** Null when it is about the whole run. */
  readonly step: string | null;
  readonly item: number | null;
  readonly attempt: number | null;
  /** Of the run or the step, when it was reported. */
  readonly status: string;
  readonly error: Failure | null;
  /** When it happened, in milliseconds since the epoch. */
  readonly at: number;
}

/** What a hook can work with. */
export interface HookContext {
  /** Aborted when the hook has taken too long, and when the scheduler stops. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** The value behind a setting, such as `env("ALERTS_URL")`. */
  readonly resolve: (setting: Setting) => string;
}

/** A function that is told. What it throws is a failed delivery, made again later. */
export type HookFunction = (notice: HookNotice, context: HookContext) => unknown;

/** A hook with a description of its own, such as `webhook(…)` makes. */
export interface DescribedHook {
  readonly kind: "sluice.hook";
  /** What makes it what it is, references unresolved: part of the pipeline's version. */
  readonly description: Json;
  readonly call: HookFunction;
}

/** What can be told: a function, or what `webhook(…)` makes. */
export type Hook = HookFunction | DescribedHook;

/** Hooks by what they are told of: one each, or several. */
export interface HookOptions {
  /** The run or the step has succeeded. */
  readonly success?: Hook | readonly Hook[];
  /** The run or the step has failed, and is not tried again. */
  readonly failure?: Hook | readonly Hook[];
  /** An attempt of a step has failed, and is made again later. */
  readonly retry?: Hook | readonly Hook[];
  /** The run or the step has not finished in its `lateAfter`. */
  readonly late?: Hook | readonly Hook[];
}

/** Hooks as they are called; an event that has none is not there. */
export type Hooks = Readonly<Partial<Record<HookEvent, readonly HookFunction[]>>>;

/** What options of hooks come to: the functions, which events they are for, and what they are, as data. */
export interface ReadHooks {
  readonly hooks: Hooks;
  readonly events: readonly HookEvent[];
  /** By event; null when there is no hook. */
  readonly description: Json;
}

const allEvents: readonly HookEvent[] = ["success", "failure", "retry", "late"];

/** Reads `on: { … }`; DEFINITION_INVALID for an event that isn't there and for what can't be called. `where` says whose it is. */
export function readHooks(options: HookOptions | undefined, where: string): ReadHooks {
  const unknown = Object.keys(options ?? {}).find((event) => !(allEvents as readonly string[]).includes(event));
  if (unknown !== undefined) {
    throw new SluiceError("DEFINITION_INVALID", `${where} has a hook on "${unknown}", which never comes about`, {
      hint: "Hooks are told of success, failure, retry and late.",
    });
  }
  const hooks: Partial<Record<HookEvent, readonly HookFunction[]>> = {};
  const description: Record<string, Json> = {};
  for (const event of allEvents) {
    const list = [options?.[event] ?? []].flat() as readonly Hook[];
    if (list.length === 0) continue;
    hooks[event] = list.map((hook) => functionOf(hook, event, where));
    description[event] = list.map((hook) => (typeof hook === "function" ? hook.toString() : hook.description));
  }
  const events = allEvents.filter((event) => event in hooks);
  return { hooks, events, description: events.length === 0 ? null : description };
}

function functionOf(hook: Hook, event: HookEvent, where: string): HookFunction {
  if (typeof hook === "function") return hook;
  if (typeof hook?.call === "function" && hook.kind === "sluice.hook") return hook.call;
  throw new SluiceError("DEFINITION_INVALID", `${where} has a hook on ${event} that can't be called`, {
    hint: "Write a function, or webhook(url).",
  });
}
