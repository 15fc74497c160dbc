import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assertInvariants } from "../../../src/engine/invariants.ts";
import { isEnd, type Command, type RunEvent, type RunState } from "../../../src/engine/state.ts";
import { initialState, lossLimit, transition } from "../../../src/engine/transition.ts";
import type { Plan } from "../../../src/pipeline/plan.ts";
import { retryDelay, retryPolicy } from "../../../src/pipeline/retry.ts";
import { anyPlan, failed, finalFailure, fired, lost, planOf, retryableFailure, succeeded } from "./plans.ts";

interface Move {
  readonly event: RunEvent;
  readonly before: RunState;
  readonly after: RunState;
  readonly commands: readonly Command[];
  readonly now: number;
}

/** A number chooses what happens next, so that any list of numbers is a history. */
function eventFor(choice: number, plan: Plan, state: RunState, history: readonly Move[]): RunEvent {
  const pick = <T>(items: readonly T[], by: number): T => items[by % items.length]!;
  const kind = choice % 100;
  const rest = Math.floor(choice / 100);
  const step = pick(plan.steps, rest).name;
  const inFlight = plan.steps.filter(({ name }) => state.steps[name]!.status === "queued");
  const sleeping = plan.steps.filter(({ name }) => state.steps[name]!.status === "retrying");
  const { name, epoch } = ((): { name: string; epoch: number } => {
    const candidates = kind % 2 === 0 && sleeping.length > 0 ? sleeping : inFlight.length > 0 ? inFlight : plan.steps;
    const chosen = pick(candidates, rest).name;
    return { name: chosen, epoch: state.steps[chosen]!.attempts };
  })();
  if (kind < 40) return succeeded(name, epoch, { rest });
  if (kind < 55) return failed(name, epoch);
  if (kind < 60) return failed(name, epoch, finalFailure);
  if (kind < 70) return lost(name, epoch, kind % 3 === 0 ? "scheduler-stopped" : "worker-died");
  if (kind < 85) return fired(name, epoch);
  if (kind === 85) return { type: "cancelled", reason: "asked for" };
  if (kind === 86) return { type: "started" };
  // Twice, late, or for an attempt that doesn't exist (yet).
  if (kind < 94 && history.length > 0) return pick(history, rest).event;
  return pick(
    [
      succeeded(step, rest % 4),
      failed(step, rest % 4),
      lost(step, rest % 4),
      fired(step, rest % 4),
      succeeded("no_such_step"),
    ],
    rest,
  );
}

/** The history that the choices make, brought to its end by attempts that succeed. */
function play(plan: Plan, choices: readonly number[]): Move[] {
  const history: Move[] = [];
  let state = initialState(plan);
  let now = 1_000;
  const apply = (event: RunEvent): void => {
    now += 1 + (history.length % 7) * 100;
    const before = structuredClone(state);
    const { state: after, commands } = transition(plan, state, event, now);
    expect(state, "transition changed the state it was given").toEqual(before);
    history.push({ event, before: state, after, commands, now });
    state = after;
  };
  apply({ type: "started" });
  for (const choice of choices) apply(eventFor(choice, plan, state, history));
  // Each round ends an attempt for good or fires a timer, so this ends.
  while (state.status === "running") {
    const open = plan.steps.find(
      ({ name }) => state.steps[name]!.status === "queued" || state.steps[name]!.status === "retrying",
    );
    if (open === undefined) throw new Error("the run waits for nothing");
    const { status, attempts } = state.steps[open.name]!;
    apply(status === "queued" ? succeeded(open.name, attempts) : fired(open.name, attempts));
  }
  return history;
}

/** Checks `law` on random histories over random plans. */
function holds(law: (plan: Plan, history: Move[]) => void): void {
  fc.assert(
    fc.property(anyPlan, fc.array(fc.nat(1_000_000), { maxLength: 60 }), (plan, choices) =>
      law(plan, play(plan, choices)),
    ),
    { numRuns: 400 },
  );
}

const started = (plan: Plan): RunState => transition(plan, initialState(plan), { type: "started" }, 0).state;
const after = (plan: Plan, ...events: RunEvent[]): RunState =>
  events.reduce((state, event, position) => transition(plan, state, event, position + 1).state, started(plan));

describe("transition, over random plans and histories", () => {
  it("keeps the invariants that the scheduler asserts", () => {
    holds((plan, history) => {
      for (const { after: state } of history) assertInvariants(plan, state);
    });
  });

  it("lets every run that has not ended wait for an attempt or a timer", () => {
    holds((plan, history) => {
      for (const { after: state } of history) {
        if (state.status !== "running") continue;
        expect(Object.values(state.steps).some(({ status }) => status === "queued" || status === "retrying")).toBe(
          true,
        );
      }
      expect(history.at(-1)!.after.status).not.toBe("running");
      for (const { name } of plan.steps) expect(isEnd(history.at(-1)!.after.steps[name]!.status)).toBe(true);
    });
  });

  it("ends a run once, and each step once, and changes nothing after that", () => {
    holds((plan, history) => {
      expect(history.flatMap((move) => move.commands).filter(({ type }) => type === "finish-run")).toHaveLength(1);
      for (const { before, after: state, commands } of history) {
        if (before.status !== "running") expect([state, commands]).toEqual([before, []]);
        for (const { name } of plan.steps)
          if (isEnd(before.steps[name]!.status)) expect(state.steps[name]).toBe(before.steps[name]);
      }
    });
  });

  it("starts no step before all that it depends on have succeeded", () => {
    holds((plan, history) => {
      for (const { after: state, commands } of history) {
        for (const command of commands) {
          if (command.type !== "start-attempt") continue;
          const planned = plan.steps.find(({ name }) => name === command.step)!;
          for (const name of planned.dependsOn) expect(state.steps[name]!.status).toBe("succeeded");
        }
      }
    });
  });

  it("starts exactly one attempt per epoch, epochs rising by one, and sets a timer exactly when a step begins to wait", () => {
    holds((plan, history) => {
      for (const { name } of plan.steps) {
        const commands = history.flatMap((move) =>
          move.commands.filter((command) => "step" in command && command.step === name),
        );
        const epochs = commands.flatMap((command) => (command.type === "start-attempt" ? [command.epoch] : []));
        expect(epochs).toEqual(
          Array.from({ length: history.at(-1)!.after.steps[name]!.attempts }, (_, index) => index + 1),
        );
      }
      for (const { before, after: state, commands } of history) {
        for (const { name } of plan.steps) {
          const [was, is] = [before.steps[name]!, state.steps[name]!];
          const own = commands.filter((command) => "step" in command && command.step === name);
          const begins = is.attempts !== was.attempts;
          expect(own.filter(({ type }) => type === "start-attempt")).toEqual(
            begins ? [{ type: "start-attempt", step: name, epoch: is.attempts }] : [],
          );
          const sleeps = is.status === "retrying" && was.status !== "retrying";
          expect(own.filter(({ type }) => type === "set-timer")).toEqual(
            sleeps ? [{ type: "set-timer", step: name, epoch: is.attempts, at: is.wakeAt }] : [],
          );
          const stopped = was.status === "queued" && is.status === "cancelled";
          expect(own.filter(({ type }) => type === "stop-attempt")).toEqual(
            stopped ? [{ type: "stop-attempt", step: name, epoch: was.attempts }] : [],
          );
        }
        const ended = before.status === "running" && state.status !== "running";
        expect(commands.filter(({ type }) => type === "finish-run")).toEqual(
          ended ? [{ type: "finish-run", status: state.status }] : [],
        );
      }
    });
  });

  it("ignores what is said about any attempt but the current one", () => {
    holds((_plan, history) => {
      for (const { event, before, after: state, commands } of history) {
        if (!("step" in event) || before.steps[event.step]?.attempts === event.epoch) continue;
        expect([state, commands]).toEqual([before, []]);
        expect(state).toBe(before);
      }
    });
  });

  it("takes an event that comes twice for one", () => {
    holds((plan, history) => {
      for (const { event, after: state, now } of history) {
        const again = transition(plan, state, event, now + 1);
        expect(again.commands).toEqual([]);
        expect(again.state).toBe(state);
      }
    });
  });

  it("makes no more attempts than retries and losses allow", () => {
    holds((plan, history) => {
      const last = history.at(-1)!.after;
      for (const { name, retry } of plan.steps) {
        const stops = history.filter(
          ({ event, before, after: state }) =>
            event.type === "attempt-lost" &&
            event.cause === "scheduler-stopped" &&
            event.step === name &&
            state !== before,
        ).length;
        const { attempts, failures, losses } = last.steps[name]!;
        expect(failures).toBeLessThanOrEqual(retry.limit + 1);
        expect(losses).toBeLessThanOrEqual(lossLimit);
        // Before each failure, and before the end, at most four losses in a row.
        expect(attempts).toBeLessThanOrEqual((retry.limit + 1) * lossLimit + stops);
      }
    });
  });

  it("skips exactly what depends on a step that did not succeed, and says on which", () => {
    holds((plan, history) => {
      const last = history.at(-1)!.after;
      const cancelled = history.some(({ before, event }) => event.type === "cancelled" && before.status === "running");
      for (const { name, dependsOn } of plan.steps) {
        const step = last.steps[name]!;
        const bad = dependsOn.filter((other) => last.steps[other]!.status !== "succeeded");
        if (step.status === "skipped") {
          expect(
            bad.map(
              (other) =>
                `${other} ${last.steps[other]!.status === "failed" ? "failed" : `was ${last.steps[other]!.status}`}`,
            ),
          ).toContain(step.reason);
          expect([step.attempts, step.error, step.startedAt]).toEqual([0, null, null]);
        }
        if (step.status === "cancelled") expect(step.reason).toBe("asked for");
        if (bad.length > 0 && !cancelled) expect(step.status).toBe("skipped");
        if (bad.length === 0 && !cancelled) expect(["succeeded", "failed"]).toContain(step.status);
      }
    });
  });

  it("gives the run the status that its steps add up to", () => {
    holds((_plan, history) => {
      const last = history.at(-1)!.after;
      const all = Object.values(last.steps).map(({ status }) => status);
      const expected = all.includes("failed") ? "failed" : all.includes("cancelled") ? "cancelled" : "succeeded";
      expect(last.status).toBe(expected);
      if (expected === "succeeded") expect(new Set(all)).toEqual(new Set(["succeeded"]));
      const end = history.find(({ after: state }) => state.status !== "running")!;
      expect(last.finishedAt).toBe(end.now);
    });
  });

  it("has a failure on every failed step, and an output on no other than the succeeded", () => {
    holds((plan, history) => {
      for (const { name } of plan.steps) {
        const step = history.at(-1)!.after.steps[name]!;
        expect(step.error !== null || step.status !== "failed").toBe(true);
        if (step.status === "succeeded") expect(step.error).toBeNull();
        else expect([step.output, step.rows, step.assets]).toEqual([null, null, []]);
        expect(step.finishedAt).not.toBeNull();
        expect(step.startedAt === null).toBe(step.attempts === 0);
      }
    });
  });

  it("goes the same way from a state that was written down and read again", () => {
    holds((plan, history) => {
      for (const { event, before, now, after: state, commands } of history) {
        const read = JSON.parse(JSON.stringify(before)) as RunState;
        expect(transition(plan, read, event, now)).toEqual({ state, commands });
      }
    });
  });
});

describe("transition", () => {
  it("starts the steps without dependencies at once, and a diamond's end when both sides are done", () => {
    const plan = planOf({ a: [], b: ["a"], c: ["a"], d: ["b", "c"], e: [] });
    const first = transition(plan, initialState(plan), { type: "started" }, 5);
    expect(first.commands).toEqual([
      { type: "start-attempt", step: "a", epoch: 1 },
      { type: "start-attempt", step: "e", epoch: 1 },
    ]);
    const middle = after(plan, succeeded("a"), succeeded("b"));
    expect(middle.steps["d"]!.status).toBe("waiting");
    expect(transition(plan, middle, succeeded("c"), 9).commands).toEqual([
      { type: "start-attempt", step: "d", epoch: 1 },
    ]);
  });

  it("keeps the output, the row counts and the assets of an attempt that succeeded", () => {
    const plan = planOf({ a: [] });
    const rows = { in: 10, out: 8, duplicate: 1, quarantined: 1 };
    const { state } = transition(
      plan,
      started(plan),
      { type: "attempt-succeeded", step: "a", epoch: 1, output: { n: 8 }, rows, assets: ["warehouse.sales"] },
      7,
    );
    expect(state).toMatchObject({ status: "succeeded", finishedAt: 7 });
    expect(state.steps["a"]).toMatchObject({
      output: { n: 8 },
      rows,
      assets: ["warehouse.sales"],
      startedAt: 0,
      finishedAt: 7,
    });
  });

  it("waits twice as long with each failure, up to the cap", () => {
    const plan = planOf({ a: [] }, { limit: 6, delayMs: 1_000, backoff: "exponential", maxDelayMs: 10_000 });
    let state = started(plan);
    const waits: number[] = [];
    for (let epoch = 1; epoch <= 6; epoch += 1) {
      state = transition(plan, state, failed("a", epoch), 100).state;
      waits.push(state.steps["a"]!.wakeAt! - 100);
      state = transition(plan, state, fired("a", epoch), 200).state;
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    expect(transition(plan, state, failed("a", 7), 300).state).toMatchObject({
      status: "failed",
      steps: { a: { failures: 7, attempts: 7 } },
    });
  });

  it("waits equally long with constant backoff, and never longer than the cap, however many failures", () => {
    const constant = retryPolicy({ delay: "5s", backoff: "constant" });
    expect([1, 2, 30].map((failures) => retryDelay(constant, failures))).toEqual([5_000, 5_000, 5_000]);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        fc.nat(10_000_000),
        fc.nat(10_000_000),
        (failures, delayMs, maxDelayMs) => {
          const wait = retryDelay({ limit: 1, delayMs, maxDelayMs, backoff: "exponential" }, failures);
          expect(Number.isInteger(wait) && wait >= 0 && wait <= maxDelayMs).toBe(true);
          expect(
            retryDelay({ limit: 1, delayMs, maxDelayMs, backoff: "exponential" }, failures + 1),
          ).toBeGreaterThanOrEqual(wait);
        },
      ),
    );
  });

  it("fails at once what trying again can't help", () => {
    const plan = planOf({ a: [], b: ["a"], c: ["b"], d: [] });
    const state = after(plan, failed("a", 1, finalFailure));
    expect(state.steps["a"]).toMatchObject({ status: "failed", attempts: 1, error: finalFailure });
    expect(state.steps["b"]).toMatchObject({ status: "skipped", reason: "a failed" });
    expect(state.steps["c"]).toMatchObject({ status: "skipped", reason: "b was skipped" });
    expect(state.status, "d goes on").toBe("running");
    expect(transition(plan, state, succeeded("d"), 9).state.status).toBe("failed");
  });

  it("fails a step whose worker dies five times in a row, and says so", () => {
    const plan = planOf({ a: [] });
    const four = after(plan, lost("a", 1), lost("a", 2), lost("a", 3), lost("a", 4));
    expect(four.steps["a"]).toMatchObject({ status: "queued", attempts: 5, losses: 4, failures: 0 });
    const five = transition(plan, four, lost("a", 5), 10).state;
    expect(five.steps["a"]).toMatchObject({ status: "failed", error: { code: "WORKER_LOST", retryable: false } });
    expect(five.steps["a"]!.error!.message).toContain("5 times in a row");
    expect(five.steps["a"]!.error!.message).toContain("SIGSEGV");
  });

  it("counts losses in a row only: a word from the step's own code begins anew", () => {
    const plan = planOf({ a: [] }, { limit: 1, delayMs: 0, backoff: "constant", maxDelayMs: 0 });
    const state = after(
      plan,
      lost("a", 1),
      lost("a", 2),
      lost("a", 3),
      lost("a", 4),
      failed("a", 5),
      fired("a", 5),
      lost("a", 6),
    );
    expect(state.steps["a"]).toMatchObject({ status: "queued", attempts: 7, losses: 1, failures: 1 });
  });

  it("counts no loss when it was the scheduler that stopped, however often", () => {
    const plan = planOf({ a: [] });
    let state = started(plan);
    for (let epoch = 1; epoch <= 50; epoch += 1)
      state = transition(plan, state, lost("a", epoch, "scheduler-stopped"), epoch).state;
    expect(state.steps["a"]).toMatchObject({ status: "queued", attempts: 51, losses: 0, failures: 0 });
    expect(transition(plan, state, succeeded("a", 51), 99).state.status).toBe("succeeded");
  });

  it("cancels what is open, stops what is in flight, and keeps what has ended", () => {
    const plan = planOf({ a: [], b: ["a"], c: [], d: ["b"] });
    const before = after(plan, succeeded("a"), failed("c"));
    const { state, commands } = transition(plan, before, { type: "cancelled", reason: "interrupted" }, 50);
    expect(commands).toEqual([
      { type: "stop-attempt", step: "b", epoch: 1 },
      { type: "finish-run", status: "cancelled" },
    ]);
    expect(state.status).toBe("cancelled");
    expect(state.steps["a"]!.status).toBe("succeeded");
    for (const name of ["b", "c", "d"])
      expect(state.steps[name]).toMatchObject({ status: "cancelled", reason: "interrupted", wakeAt: null });
    expect(state.steps["c"]!.error, "why it was waiting stays to be read").toEqual(retryableFailure);
  });

  it("hears nothing more once the run has ended, not even a success", () => {
    const plan = planOf({ a: [] });
    const end = after(plan, { type: "cancelled", reason: "interrupted" });
    for (const event of [succeeded("a"), failed("a"), lost("a"), fired("a"), { type: "started" } as const]) {
      expect(transition(plan, end, event, 99)).toEqual({ state: end, commands: [] });
    }
  });

  it("cancels a run that never started", () => {
    const plan = planOf({ a: [], b: ["a"] });
    const { state, commands } = transition(plan, initialState(plan), { type: "cancelled", reason: "too late" }, 3);
    expect(commands).toEqual([{ type: "finish-run", status: "cancelled" }]);
    expect(state).toMatchObject({ status: "cancelled", finishedAt: 3 });
  });
});
