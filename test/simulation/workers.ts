// Workers in a simulated world. They read what they were given, write to the sink, and say how it went, each when the
// world lets them; one that was given up, or whose scheduler died, may work on and write late.
import type { Assignment, AttemptEnd, Executor, HookNotice, Outcome } from "../../src/engine/attempts/executor.ts";
import { outputOf } from "../../src/engine/state-machine/step-output.ts";
import { toFailure, type Failure } from "../../src/errors.ts";
import { canonicalJson, contentHash } from "../../src/json.ts";
import type { PlanStep } from "../../src/pipeline/plan.ts";
import { assetsOf } from "./drawn-pipeline.ts";
import type { SimulatedProcess } from "./process.ts";
import { behaviourOf } from "./workload.ts";
import type { KnownRun, World } from "./world.ts";

export interface Attempt {
  readonly process: Pick<SimulatedProcess, "number">;
  readonly assignment: Assignment;
  readonly run: KnownRun;
  readonly planned: PlanStep;
  readonly signal: AbortSignal;
  readonly log: (message: string) => void;
  /** Null once nobody listens: it was given up, or its scheduler is gone. */
  end: ((end: AttemptEnd) => void) | null;
  reject: (error: Error) => void;
  wrote: boolean;
}

/** A hook that is being called. */
export interface Telling {
  readonly notice: HookNotice;
  readonly resolve: (failure: Failure | null) => void;
  abandoned: boolean;
}

/** Books of the workers, beside those of the world. */
export interface WorkerBooks {
  /** Attempts that nobody hears any more. */
  readonly lingering: Set<Attempt>;
  readonly failures: Map<string, number>;
  readonly unmet: Map<string, number>;
  readonly lossesInRow: Map<string, number>;
  /** Fences in the order in which they were handed out, by slot. */
  readonly fences: Map<string, readonly { readonly sequence: number; readonly fence: number }[]>;
  readonly keys: Map<string, string>;
  /** What hooks were told and took, by key. */
  readonly told: Map<string, { readonly text: string; times: number; taken: number }>;
}

const books = new WeakMap<World, WorkerBooks>();

export function booksOf(world: World): WorkerBooks {
  let found = books.get(world);
  if (found === undefined) {
    found = {
      lingering: new Set(),
      failures: new Map(),
      unmet: new Map(),
      lossesInRow: new Map(),
      fences: new Map(),
      keys: new Map(),
      told: new Map(),
    };
    books.set(world, found);
  }
  return found;
}

export const workName = ({ runId, step, item }: Assignment): string =>
  `${runId}/${step}${item === null ? "" : `[${item}]`}`;

export function executorIn(
  world: World,
  self: Pick<SimulatedProcess, "number" | "alive" | "attempts" | "tellings">,
): Executor {
  return {
    capacity: world.workload.capacity,
    run: (given, signal, onLog) =>
      new Promise<AttemptEnd>((resolve, reject) => {
        if (!self.alive) return;
        const assignment = structuredClone(given);
        const run = world.runs.get(assignment.runId);
        if (run === undefined) {
          world.breaches.push(`${workName(assignment)} was started, and its run is not stored`);
          return;
        }
        const attempt: Attempt = {
          process: self,
          assignment,
          run,
          planned: run.plan.steps.find(({ name }) => name === assignment.step)!,
          signal,
          log: (message) => onLog({ at: world.time.now(), level: "info", message }),
          end: resolve,
          reject,
          wrote: false,
        };
        inspectStart(world, self.attempts, attempt);
        self.attempts.add(attempt);
      }),
    notify: (notice) =>
      new Promise((resolve) => {
        if (self.alive) self.tellings.add({ notice: structuredClone(notice), resolve, abandoned: false });
      }),
  };
}

/** What must hold when an attempt is started: it is due by what is stored, and within every limit. */
function inspectStart(world: World, live: ReadonlySet<Attempt>, attempt: Attempt): void {
  const { assignment, planned, run } = attempt;
  const name = workName(assignment);
  const breach = (what: string): void => void world.breaches.push(`${name}#${assignment.attempt} ${what}`);
  const step = run.stored.state.steps.get(assignment.step)!;
  const work = assignment.item === null ? step : step.items?.[assignment.item];
  if (work?.status !== "queued" || work.attempts !== assignment.attempt)
    breach(`was started while it is stored as ${work?.status} with ${work?.attempts} attempts`);
  for (const dependency of planned.dependsOn) {
    const stored = canonicalJson(outputOf(run.stored.state.steps.get(dependency)!) ?? null);
    const handed = canonicalJson(assignment.outputs[dependency] ?? null);
    if (stored !== handed && !run.pipeline.untimely.has(assignment.step))
      breach(`was handed ${handed} as the output of ${dependency}, and stored is ${stored}`);
  }
  const { fences, keys } = booksOf(world);
  const { sequence } = run.record;
  const handed = fences.get(slotOf(world, attempt)) ?? [];
  // Whoever comes later has the higher one: attempts of a run in their order, and runs in theirs.
  if (handed.some((other) => other.sequence <= sequence && other.fence >= assignment.fence))
    breach("has no higher fence than one before it");
  if (handed.some((other) => other.sequence > sequence && other.fence <= assignment.fence))
    breach("has no lower fence than a later run");
  fences.set(slotOf(world, attempt), [...handed, { sequence, fence: assignment.fence }]);
  const key = keys.get(name);
  if (key !== undefined && key !== assignment.idempotencyKey) breach(`has another key than the attempt before it`);
  keys.set(name, assignment.idempotencyKey);

  const others = [...live].filter((other) => other.end !== null);
  if (others.some((other) => workName(other.assignment) === name && !other.signal.aborted))
    breach("was started beside another attempt");
  const all = [...others, attempt];
  if (all.length > world.workload.capacity) breach(`makes ${all.length} attempts at a time`);
  for (const [pool, slots] of Object.entries(world.workload.pools)) {
    const used = all.reduce((sum, other) => sum + (other.planned.pools[pool] ?? 0), 0);
    if (planned.pools[pool] !== undefined && used > slots) breach(`takes ${used} of the ${slots} slots of ${pool}`);
  }
  const { concurrency } = planned;
  if (concurrency !== null) {
    const same = all.filter((other) => other.planned.concurrency?.key === concurrency.key);
    if (same.length > concurrency.limit)
      breach(`is one of ${same.length} under the key ${concurrency.key}, limited to ${concurrency.limit}`);
  }
  const cpus = all.reduce((sum, other) => sum + other.planned.resources.cpus, 0);
  if (planned.resources.cpus > 0 && cpus > world.workload.machine.cpus && all.length > 1)
    breach(`makes ${cpus} processors busy`);
}

/**
 * What an attempt writes to. Where it may end in more ways than one, runs of one partition write to the same place, as loads
 * do that replace it: the older one may find itself overtaken.
 */
function slotOf(world: World, { run, assignment }: Attempt): string {
  const { partition, pipeline } = run.record;
  const whose = world.workload.tame || partition === null ? run.root : `${pipeline} ${partition}`;
  return `${whose}/${assignment.step}${assignment.item === null ? "" : `[${assignment.item}]`}`;
}

/** An attempt does the next thing it would do: write, then say how it went. */
export function proceed(world: World, attempt: Attempt, leave: (attempt: Attempt) => void): void {
  const { assignment, run, planned } = attempt;
  const { failures, unmet, lossesInRow } = booksOf(world);
  const name = workName(assignment);
  const behaviour = behaviourOf(world.workload, run.pipeline, run.identity, assignment.step, assignment.item);
  const say = (outcome: Outcome): void => {
    leave(attempt);
    if (outcome.type !== "lost") lossesInRow.delete(name);
    attempt.end?.({ outcome, startedAt: world.time.now() });
  };
  const fail = (code: Failure["code"], retryable: boolean): void =>
    say({ type: "failed", error: { code, message: "it went wrong", retryable } });
  if (attempt.end !== null && attempt.signal.aborted && world.chance.chance(0.5)) return fail("CANCELLED", false);
  const succeed = (output: unknown): void =>
    say({ type: "succeeded", output, rows: null, assets: assetsOf(run.plan.pipeline, planned) });
  if (attempt.wrote) return succeed(outputFor(attempt, behaviour.length, behaviour.choice));
  if (world.chance.chance(0.1)) attempt.log("under way");
  if (behaviour.failures === "broken") return fail("SOURCE_MISSING", false);
  const failed = failures.get(name) ?? 0;
  if (behaviour.failures === "hopeless" || failed < behaviour.failures) {
    failures.set(name, failed + 1);
    return fail("SOURCE_UNAVAILABLE", true);
  }
  if (planned.control.type === "sense") {
    const looked = unmet.get(name) ?? 0;
    if (behaviour.unmet === null || looked < behaviour.unmet) {
      unmet.set(name, looked + 1);
      return say({ type: "unmet" });
    }
    return succeed({ value: "there", attempt: assignment.attempt });
  }
  if (planned.control.type === "short-circuit") return succeed(behaviour.passes);
  const { planted } = world;
  const before = world.sink.refused;
  try {
    world.sink.load(
      {
        slot: slotOf(world, attempt),
        loadKey:
          planted === "key-per-attempt"
            ? `${assignment.idempotencyKey}/${assignment.attempt}`
            : assignment.idempotencyKey,
        value: valueOf(attempt),
        fence: planted === "no-fence" ? Number.MAX_SAFE_INTEGER : assignment.fence,
      },
      { name: `${name}#${assignment.attempt}`, fence: assignment.fence },
    );
    if (attempt.end === null) world.count("worker writes late");
    attempt.wrote = true;
  } catch (error) {
    if (world.sink.refused > before && attempt.end === null) world.count("late writer refused");
    say({ type: "failed", error: toFailure(error) });
  }
}

/** What the step makes of its inputs: the same in every attempt, and in every world of the seed. */
export function valueOf({ run, planned, assignment }: Attempt): string {
  const inputs = run.pipeline.untimely.has(planned.name) ? [] : Object.entries(assignment.outputs);
  return valueFrom(run, planned, assignment.item, Object.fromEntries(inputs));
}

export function valueFrom(
  run: KnownRun,
  planned: PlanStep,
  item: number | null,
  inputs: Readonly<Record<string, unknown>>,
): string {
  const whose = planned.cache === null ? run.identity : (run.record.partition ?? "");
  // Which runs a step had to wait for may differ from world to world.
  const told = Object.entries(inputs).filter(
    ([name]) => run.plan.steps.find((step) => step.name === name)!.control.type !== "await-run",
  );
  return contentHash([run.plan.pipeline, whose, planned.name, item, withoutCircumstances(told.sort())]).slice(0, 10);
}

/** What may differ between two worlds is left out: which attempt it was, of which run, and when. */
export function withoutCircumstances(value: unknown): unknown {
  const circumstances = new Set(["attempt", "at", "run"]);
  return JSON.parse(
    JSON.stringify(value ?? null, (key, inner: unknown) => (circumstances.has(key) ? undefined : inner)),
  ) as unknown;
}

function outputFor(attempt: Attempt, length: number, choice: string): unknown {
  const { run, planned, assignment } = attempt;
  const role = run.pipeline.roles.get(planned.name) ?? "plain";
  const value = valueOf(attempt);
  if (planned.control.type === "run" && role === "list")
    return Array.from({ length }, (_, index) => `${value}.${index}`);
  if (planned.control.type === "run" && role === "branch") return choice;
  return { value, attempt: assignment.attempt };
}

/** A hook is told, and takes it or does not. What it is told under a key must always be the same. */
export function tell(world: World, { key, ...rest }: HookNotice, taken: boolean): void {
  const { told } = booksOf(world);
  const text = JSON.stringify(rest);
  const entry = told.get(key) ?? { text, times: 0, taken: 0 };
  told.set(key, entry);
  entry.times += 1;
  if (taken) entry.taken += 1;
  if (entry.text !== text) world.breaches.push(`the notice ${key} is told in two ways: ${entry.text} and ${text}`);
}
