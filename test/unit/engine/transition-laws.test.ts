// What holds for every plan and every history.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lossLimit } from "../../../src/engine/state-machine/attempt-events.ts";
import { initialState } from "../../../src/engine/state-machine/initial-state.ts";
import { assertInvariants } from "../../../src/engine/state-machine/invariants.ts";
import { pendingCommands } from "../../../src/engine/state-machine/pending-commands.ts";
import { isEnd, type AttemptKey, type Command, type RunState } from "../../../src/engine/state-machine/state.ts";
import { NamedList } from "../../../src/named-list.ts";
import { transition, transitionAll } from "../../../src/engine/state-machine/transition.ts";
import type { Plan } from "../../../src/pipeline/plan.ts";
import { plain } from "../../conformance/run-states.ts";
import { anyPlan, holds, openWork, outputOfStep } from "./random-runs.ts";
import { deepFreeze } from "./story.ts";

const textOf = ({ step, item, epoch }: AttemptKey): string => `${step}[${item}]#${epoch}`;
const places = (plan: Plan, state: RunState, status: string): string[] =>
  openWork(plan, state)
    .filter((work) => work.status === status)
    .map(textOf);
const of = <Type extends Command["type"]>(commands: readonly Command[], type: Type) =>
  commands.filter((command): command is Extract<Command, { readonly type: Type }> => command.type === type);

describe("for every plan and every history", () => {
  it("the invariants hold, in full and for what has changed", () => {
    holds((plan, history) => {
      for (const [position, { before, after, changed }] of history.entries()) {
        assertInvariants(plan, after);
        if (position === 0) continue;
        assertInvariants(plan, after, before);
        assertInvariants(plan, after, before, changed);
      }
    });
  });

  it("the run comes to its end, once, with every step ended, and nothing changes after that", () => {
    holds((plan, history) => {
      const last = history.at(-1)!.after;
      expect(last.status).not.toBe("running");
      for (const { name } of plan.steps) expect(isEnd(last.steps.get(name)!.status)).toBe(true);
      const finishes = history.flatMap(({ commands }) => of(commands, "finish-run"));
      expect(finishes).toEqual([{ type: "finish-run", status: last.status }]);
      for (const { before, after, commands } of history) {
        if (before.status !== "running") expect([after, commands]).toEqual([before, []]);
        for (const { name } of plan.steps)
          if (isEnd(before.steps.get(name)!.status)) expect(after.steps.get(name)).toBe(before.steps.get(name));
      }
    });
  });

  it("an event that comes twice counts once", () => {
    holds((plan, history) => {
      for (const { event, after, now } of history) {
        // To cancel again is to say more: it cancels the teardowns too.
        if (event.type === "cancelled") continue;
        expect(transition(plan, after, event, now + 1)).toEqual({ state: after, commands: [], changed: [] });
        expect(transition(plan, after, event, now + 1).state).toBe(after);
      }
    });
  });

  it("what is said of any attempt but the current one counts for nothing", () => {
    holds((plan, history) => {
      for (const { event, before, after, commands } of history) {
        if (!event.type.startsWith("attempt-")) continue;
        const key = event as AttemptKey;
        if (places(plan, before, "queued").includes(textOf(key))) continue;
        expect(after).toBe(before);
        expect(commands).toEqual([]);
      }
    });
  });

  it("attempts are begun one after the other, each once, and stopped when they are under way and no more wanted", () => {
    holds((plan, history) => {
      const live = new Set<string>();
      const begun = new Set<string>();
      for (const { event, after, commands } of history) {
        if (event.type.startsWith("attempt-")) live.delete(textOf(event as AttemptKey));
        for (const command of commands) {
          if (command.type === "stop-attempt") expect(live.delete(textOf(command)), "it is under way").toBe(true);
          if (command.type !== "start-attempt") continue;
          const { step, item, epoch } = command;
          expect(begun.has(textOf(command))).toBe(false);
          expect(epoch === 1 || begun.has(textOf({ step, item, epoch: epoch - 1 }))).toBe(true);
          begun.add(textOf(command));
          live.add(textOf(command));
        }
        expect(live).toEqual(new Set(places(plan, after, "queued")));
      }
    });
  });

  it("what is pending is what was asked for and is still owed", () => {
    holds((plan, history) => {
      const asked: Command[] = [];
      for (const { after, commands } of history) {
        asked.push(...commands.filter(({ type }) => ["set-timer", "set-run-timer", "watch"].includes(type)));
        const owed = asked.filter((command) => isOwed(plan, after, command));
        const texts = (list: readonly Command[]): string[] =>
          list.map((command) => JSON.stringify(Object.entries(command).sort())).sort();
        expect(texts(pendingCommands(plan, after))).toEqual(texts(owed));
      }
    });
  });

  it("makes no more attempts than retries and losses allow", () => {
    holds((plan, history) => {
      const last = history.at(-1)!.after;
      for (const { name, retry } of plan.steps) {
        const { items } = last.steps.get(name)!;
        for (const { failures, losses } of [last.steps.get(name)!, ...(items ?? [])]) {
          expect(failures).toBeLessThanOrEqual(retry.limit + 1);
          expect(losses).toBeLessThanOrEqual(lossLimit);
        }
      }
    });
  });

  it("hooks are told of each success, failure and retry once", () => {
    holds((plan, history) => {
      const told = history.flatMap(({ commands }) => of(commands, "notify"));
      const last = history.at(-1)!.after;
      for (const { name } of plan.steps) {
        const { status, late } = last.steps.get(name)!;
        const events = told.filter(({ step, item }) => step === name && item === null).map(({ event }) => event);
        expect(events.filter((event) => event === "success" || event === "failure")).toEqual(
          status === "succeeded" ? ["success"] : status === "failed" ? ["failure"] : [],
        );
        expect(events.filter((event) => event === "late")).toEqual(late ? ["late"] : []);
      }
      const retries = history.flatMap(({ commands }) =>
        of(commands, "set-timer").filter(({ timer }) => timer === "retry"),
      );
      expect(
        told.filter(({ event }) => event === "retry").map((notice) => textOf({ ...notice, step: notice.step! })),
      ).toEqual(retries.map(textOf));
      const ofRun = told.filter(({ step }) => step === null).map(({ event }) => event);
      expect(ofRun.filter((event) => event !== "late")).toEqual(
        last.status === "succeeded" ? ["success"] : last.status === "failed" ? ["failure"] : [],
      );
    });
  });

  it("the run ends as its leaves have, or as it was told to", () => {
    holds((plan, history) => {
      const last = history.at(-1)!.after;
      const work = plan.steps.filter(({ teardownOf }) => teardownOf === null);
      const leaves = work.filter(({ name }) => !work.some(({ dependsOn }) => dependsOn.includes(name)));
      const statuses = leaves.map(({ name }) => last.steps.get(name)!.status);
      const byLeaves = statuses.some((status) => status === "failed" || status === "upstream-failed")
        ? "failed"
        : statuses.includes("cancelled")
          ? "cancelled"
          : "succeeded";
      expect(last.status).toBe(last.ending?.as ?? byLeaves);
    });
  });

  it("a teardown has run if and only if its set-up succeeded, unless it was marked or the run was cancelled again", () => {
    holds((plan, history) => {
      const last = history.at(-1)!.after;
      const cancels = history.filter(({ event, before }) => event.type === "cancelled" && before.status === "running");
      for (const { name, teardownOf } of plan.steps) {
        if (teardownOf === null) continue;
        const marked = history.some(({ event }) => event.type === "marked" && event.step === name);
        if (marked || cancels.length > 1 || (cancels.length === 1 && last.ending?.as === "failed")) continue;
        expect(last.steps.get(name)!.startedAt !== null).toBe(last.steps.get(teardownOf)!.status === "succeeded");
      }
    });
  });

  it("what is not touched stays the same object, and the rest is named", () => {
    holds((plan, history) => {
      for (const { before, after, changed } of history) {
        const items = new Map(changed.map((step) => [step.step, step.items]));
        expect(items.size).toBe(changed.length);
        for (const { name } of plan.steps) {
          const [was, is] = [before.steps.get(name)!, after.steps.get(name)!];
          expect(was !== is).toBe(items.has(name));
          for (const position of is.items?.keys() ?? [])
            expect(was.items?.[position] !== is.items![position]).toBe(items.get(name)?.includes(position) ?? false);
        }
      }
    });
  });

  it("events told together do what they do one by one", () => {
    holds((plan, history) => {
      const half = history[Math.floor(history.length / 2)]!.before;
      const events = history.slice(Math.floor(history.length / 2)).map(({ event }) => event);
      let one = half;
      const commands: Command[] = [];
      for (const event of events) {
        const next = transition(plan, one, event, 9_000_000);
        one = next.state;
        commands.push(...next.commands);
      }
      const all = transitionAll(plan, half, events, 9_000_000);
      expect(all.state).toEqual(one);
      expect(all.commands).toEqual(commands);
      assertInvariants(plan, all.state);
      if (half.steps !== history[0]!.before.steps) assertInvariants(plan, all.state, half, all.changed);
    });
  });

  it("a state that was written down and read again goes the same way", () => {
    holds((plan, history) => {
      const planRead = JSON.parse(JSON.stringify(plan)) as Plan;
      for (const { event, before, now, after, commands, changed } of history) {
        const written = JSON.parse(JSON.stringify(plain(before))) as ReturnType<typeof plain>;
        const read = { ...written, steps: NamedList.from(Object.entries(written.steps)) };
        expect(transition(planRead, read, event, now)).toEqual({ state: after, commands, changed });
      }
    }, 100);
  });
});

/** Restated: which of all that was ever asked for still matters. */
function isOwed(plan: Plan, state: RunState, command: Command): boolean {
  if (state.status !== "running") return false;
  if (command.type === "set-run-timer") return command.timer === "late" ? !state.late : state.ending === null;
  if (command.type === "watch") return state.steps.get(command.step)!.awaits === command.awaits;
  if (command.type !== "set-timer") return false;
  const step = state.steps.get(command.step)!;
  switch (command.timer) {
    case "retry":
      return places(plan, state, "retrying").includes(textOf(command));
    case "check":
      return places(plan, state, "sleeping").includes(textOf(command));
    case "deadline":
      return !isEnd(step.status);
    case "late":
      return !isEnd(step.status) && !step.late;
  }
}

describe("for every plan and every set of outcomes", () => {
  /** Rules that start a step at the first end, or at none, take part in the race that they ask for. */
  const racing = new Set(["one-succeeded", "one-failed", "one-done", "always"]);
  const calm = anyPlan.filter(
    ({ steps }) =>
      steps.every(({ trigger }) => trigger !== "always") &&
      (steps.every(({ control }) => control.type !== "short-circuit") ||
        steps.every(({ trigger }) => !racing.has(trigger))),
  );

  /** Plays a run in which each step has its outcome; `order` says which of the open attempts ends next. */
  function end(plan: Plan, outcomes: readonly number[], order: readonly number[]): Record<string, string> {
    let state = transition(plan, initialState(plan, 0), { type: "started" }, 0).state;
    for (let turn = 0; state.status === "running"; turn += 1) {
      const open = openWork(plan, deepFreeze(state));
      const { step, item, epoch, status } = open[(order[turn % order.length] ?? 0) % open.length]!;
      const outcome = outcomes[plan.steps.findIndex(({ name }) => name === step) % outcomes.length]! + (item ?? 0);
      const { awaits } = state.steps.get(step)!;
      const event =
        status === "held"
          ? awaits === "decision"
            ? ({
                type: "decided",
                step,
                decision: outcome % 3 === 0 ? "rejected" : "approved",
                by: "ana",
                note: null,
              } as const)
            : ({ type: "await-met", step, awaits: awaits!, output: outputOfStep(plan, step, outcome) } as const)
          : outcome % 4 === 0
            ? ({
                type: "attempt-failed",
                step,
                item,
                epoch,
                error: { code: "TASK_FAILED", message: "no", retryable: false },
              } as const)
            : ({
                type: "attempt-succeeded",
                step,
                item,
                epoch,
                output: outputOfStep(plan, step, Math.floor(outcome / 4)),
                rows: null,
                assets: [],
              } as const);
      state = transition(plan, state, event, turn).state;
    }
    return {
      run: state.status,
      ...Object.fromEntries([...state.steps].map(([name, step]) => [name, step.status])),
    };
  }

  it("the order in which attempts end makes no difference to how steps and run do", () => {
    const numbers = fc.array(fc.nat(1_000), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(calm, numbers, numbers, numbers, (plan, outcomes, one, other) => {
        expect(end(plan, outcomes, one)).toEqual(end(plan, outcomes, other));
      }),
      { numRuns: 500 },
    );
  });
});
