import { describe, expect, it } from "vitest";
import type { Io } from "../../../src/cli/io.ts";
import { createProgress } from "../../../src/cli/progress.ts";
import type { RunState, StepState } from "../../../src/engine/state-machine/state.ts";
import { initialState } from "../../../src/engine/state-machine/transition.ts";
import { manualClock } from "../../../src/clock.ts";
import { planOf } from "../engine/plans.ts";
import { recordOf, storedStep } from "../monitor/situations.ts";

const plan = planOf({ one: [], two: [] });
const state = initialState(plan, 0);

/** The state with a step that stands otherwise. */
function withStep(name: string, step: Partial<StepState>): RunState {
  return { ...state, steps: state.steps.with(name, { ...state.steps.get(name)!, ...step }) };
}

function terminal(isTTY: boolean) {
  let text = "";
  const stream = { isTTY, columns: 40, closed: false, write: async (part: string) => void (text += part) };
  const io: Io = { stdout: stream, stderr: stream, cwd: "/", onInterrupt: () => () => {}, exit: () => {} };
  return { io, text: () => text };
}

const run = recordOf({ id: "orders-1", partition: "2026-01-01", version: plan.version });

describe("progress", () => {
  it("of a backfill is a line every few seconds where stderr is no terminal, however many runs there are", () => {
    const { io, text } = terminal(false);
    const clock = manualClock();
    const progress = createProgress({ io, now: clock.now, many: true });
    for (let count = 1; count <= 1000; count += 1) {
      clock.advance(20);
      progress.onChange(run, withStep("one", { status: "succeeded" }));
      progress.onCount("daily", count, count > 7 ? 1 : 0, 1000);
      progress.onLog({ step: "one", level: "warn", message: `careful\n${count}` });
      progress.onLog({ step: "one", level: "info", message: "chatter" });
    }
    progress.stop();
    const lines = text().trimEnd().split("\n");
    expect(lines.filter((line) => line.startsWith("daily"))).toEqual([
      "daily  250/1,000 runs, 1 failed  5.0 s",
      "daily  500/1,000 runs, 1 failed  10.0 s",
      "daily  750/1,000 runs, 1 failed  15.0 s",
      "daily  1,000/1,000 runs, 1 failed  20.0 s",
    ]);
    expect(lines.filter((line) => line.startsWith("one warn: careful\\n"))).toHaveLength(20);
    expect(lines).toHaveLength(25);
    expect(text()).not.toContain("\r");
  });

  it("says once, and with what to type, that a run waits for a person; and that it waits for others or for its time", () => {
    const asks = planOf([
      {
        name: "one",
        control: { type: "approve", message: "Publish\nit?", deadlineMs: 1000, onDeadline: "fail", onReject: "skip" },
      },
      { name: "two" },
    ]);
    const { io, text } = terminal(false);
    const progress = createProgress({ io, now: () => 0, plan: () => asks });
    for (let time = 0; time < 3; time += 1) {
      progress.onChange(run, withStep("one", { status: "held", awaits: "decision", startedAt: 0 }));
      progress.onChange(run, withStep("two", { status: "sleeping", attempts: time }));
    }
    progress.onChange(run, withStep("two", { status: "held", awaits: "run" }));
    expect(text().split("\n")).toEqual([
      "orders 2026-01-01: one waits for a person to decide: Publish\\nit?",
      "  sluice approve orders-1 one   or   sluice reject orders-1 one, before 1970-01-01T00:00:01.000Z",
      "orders 2026-01-01: the condition of two is not met yet",
      "orders 2026-01-01: two waits for other runs; see: sluice why orders-1",
      "",
    ]);
  });

  it("counts the items of a mapped step, of this process's run and of another's", () => {
    const items = [...Array<"succeeded">(7).fill("succeeded"), "queued", "retrying", "failed"] as const;
    const mapped = withStep("one", {
      status: "mapped",
      items: items.map((status) => ({ ...state.steps.get("one")!, status })),
    });
    for (const isTTY of [true, false]) {
      const { io, text } = terminal(isTTY);
      const clock = manualClock();
      const progress = createProgress({ io, now: clock.now });
      clock.advance(6_000);
      progress.onChange(run, mapped);
      clock.advance(6_000);
      const counts = { succeeded: 8, queued: 1, retrying: 0, failed: 1, cancelled: 0 };
      progress.onSteps(run, [storedStep({ name: "one", status: "mapped", items: counts })]);
      const shown = isTTY ? ["one 8/10", "one 9/10"] : ["one 8/10 items\n", "one 9/10 items\n"];
      for (const part of shown) expect(text()).toContain(part);
    }
  });

  it("tells how steps end, once, whoever tells of them", () => {
    const { io, text } = terminal(false);
    const progress = createProgress({ io, now: () => 0 });
    const rows = { in: 10, out: 8, duplicate: 1, quarantined: 1 };
    const ended = withStep("one", { status: "succeeded", rows });
    progress.onChange(run, ended);
    progress.onChange(run, { ...ended, steps: ended.steps.withValues([...ended.steps.values()]) });
    progress.onSteps(run, [storedStep({ name: "one", status: "succeeded", rows })]);
    expect(text()).toBe("orders 2026-01-01: one succeeded (10 rows in, 8 out, 1 duplicate, 1 quarantined)\n");
  });

  it("at a terminal rewrites one line, never longer than the terminal is wide, and takes it away", () => {
    const { io, text } = terminal(true);
    const clock = manualClock();
    const progress = createProgress({ io, now: clock.now });
    for (let change = 0; change < 50; change += 1) {
      clock.advance(100);
      progress.onChange({ ...run, partition: "a-very-long-name-for-a-partition-of-a-pipeline" }, { ...state });
    }
    progress.stop();
    expect(text()).not.toContain("\n");
    expect(text().endsWith("\r\u001b[2K")).toBe(true);
    const draws = text()
      .split("\r\u001b[2K")
      .filter((line) => line !== "");
    expect(draws).toHaveLength(50);
    expect(Math.max(...draws.map((line) => line.length))).toBeLessThan(40);
  });
});
