import { describe, expect, it } from "vitest";
import type { Io } from "../../../src/cli/io.ts";
import { createProgress } from "../../../src/cli/progress.ts";
import type { RunRecord } from "../../../src/engine/run-store.ts";
import { initialState } from "../../../src/engine/transition.ts";
import { makePlan } from "../../../src/pipeline/plan.ts";
import { retryPolicy } from "../../../src/pipeline/retry.ts";
import { manualClock } from "../../../src/clock.ts";

const plan = makePlan({
  pipeline: "daily",
  partitions: null,
  steps: ["one", "two"].map((name) => ({
    name,
    kind: "task",
    dependsOn: [],
    retry: retryPolicy(),
    timeoutMs: null,
    config: null,
  })),
});

function terminal(isTTY: boolean) {
  let text = "";
  const stream = { isTTY, columns: 40, closed: false, write: async (part: string) => void (text += part) };
  const io: Io = { stdout: stream, stderr: stream, cwd: "/", onInterrupt: () => () => {}, exit: () => {} };
  return { io, text: () => text };
}

const record = (partition: string, status: RunRecord["status"]): RunRecord => ({
  id: `daily-${partition}`,
  sequence: 1,
  pipeline: "daily",
  version: plan.version,
  partition,
  backfill: null,
  status,
  createdAt: 0,
  finishedAt: null,
});

describe("progress", () => {
  it("of a backfill is a line every few seconds where stderr is no terminal, however many runs there are", () => {
    const { io, text } = terminal(false);
    const clock = manualClock();
    const progress = createProgress({ io, now: clock.now, expected: () => 1000 });
    for (let run = 0; run < 1000; run += 1) {
      clock.advance(20);
      progress.onChange(record(String(run), "running"), initialState(plan));
      progress.onChange(record(String(run), run === 7 ? "failed" : "succeeded"), initialState(plan));
      progress.onLog({ runId: "", step: "one", attempt: 1, at: 0, level: "warn", message: `careful\n${run}` });
      progress.onLog({ runId: "", step: "one", attempt: 1, at: 0, level: "info", message: "chatter" });
    }
    progress.stop();
    const lines = text().trimEnd().split("\n");
    expect(lines.filter((line) => line.startsWith("daily"))).toEqual([
      "daily  249/1,000 runs, 1 failed  5.0 s",
      "daily  499/1,000 runs, 1 failed  10.0 s",
      "daily  749/1,000 runs, 1 failed  15.0 s",
      "daily  999/1,000 runs, 1 failed  20.0 s",
    ]);
    expect(lines.filter((line) => line.startsWith("one warn: careful\\n"))).toHaveLength(20);
    expect(lines).toHaveLength(25);
    expect(text()).not.toContain("\r");
  });

  it("at a terminal rewrites one line, never longer than the terminal is wide, and takes it away", () => {
    const { io, text } = terminal(true);
    const clock = manualClock();
    const progress = createProgress({ io, now: clock.now, expected: () => null });
    for (let change = 0; change < 50; change += 1) {
      clock.advance(100);
      progress.onChange(record("2026-01-01-with-a-very-long-name-for-a-partition", "running"), initialState(plan));
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
