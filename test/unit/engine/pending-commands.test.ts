// That nothing pending is forgotten, or too much, is one of the laws in transition-laws.test.ts; here it is seen.
import { expect, it } from "vitest";
import { pendingCommands } from "../../../src/engine/state-machine/pending-commands.ts";
import { failed, fired, planOf, retryableFailure, succeeded, unmet } from "./plans.ts";
import { story } from "./story.ts";

const plan = planOf(
  [
    { name: "list", lateMs: 50 },
    { name: "sensor", control: { type: "sense", everyMs: 30, deadlineMs: 900, onDeadline: "fail" } },
    { name: "size", dependsOn: ["list"], control: { type: "map", over: ["list"], batch: null }, lateMs: 70 },
    { name: "past", dependsOn: ["list"], dependsOnPast: true },
    {
      name: "upstream",
      dependsOn: ["list"],
      control: { type: "await-run", pipeline: "raw", step: null, offset: 0, deadlineMs: 400, onDeadline: "skip" },
    },
    { name: "last", dependsOn: ["size"] },
  ],
  { timeoutMs: 5_000, lateMs: 3_000 },
);

it("names every timer and watch that a restart would lose, with the times they had", () => {
  const run = story(plan)
    .at(10)
    .tell(succeeded("list", 1, ["a", "b"]));
  run.at(20).tell(unmet("sensor"), failed("size", 1, retryableFailure, 1));
  const timer = { type: "set-timer", item: null, epoch: 0 } as const;
  expect(pendingCommands(plan, run.state())).toEqual([
    { ...timer, step: "sensor", epoch: 1, timer: "check", at: 50 },
    { ...timer, step: "sensor", timer: "deadline", at: 900 },
    { ...timer, step: "size", timer: "late", at: 80 },
    { ...timer, step: "size", item: 1, epoch: 1, timer: "retry", at: 1_020 },
    { type: "watch", step: "past", awaits: "past" },
    { type: "watch", step: "upstream", awaits: "run" },
    { ...timer, step: "upstream", timer: "deadline", at: 410 },
    { type: "set-run-timer", timer: "timeout", at: 5_000 },
    { type: "set-run-timer", timer: "late", at: 3_000 },
  ]);
});

it("names none that has done its work, nor any of a run that has ended", () => {
  const run = story(plan).tell({ type: "run-timer-fired", timer: "late" }, fired("list", 0, "late"));
  expect(pendingCommands(plan, run.state()).map((command) => "timer" in command && command.timer)).toEqual([
    "deadline",
    "timeout",
  ]);
  expect(pendingCommands(plan, run.tell({ type: "cancelled", reason: "x" }).state())).toEqual([]);
});
