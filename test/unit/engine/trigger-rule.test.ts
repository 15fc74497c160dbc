import { describe, expect, it } from "vitest";
import { isEnd, type StepStatus } from "../../../src/engine/state-machine/state.ts";
import {
  endKind,
  isCulprit,
  noEnds,
  triggerVerdict,
  type Ends,
  type TriggerVerdict,
} from "../../../src/engine/state-machine/trigger-rule.ts";
import type { TriggerRule } from "../../../src/pipeline/plan.ts";

const ends = ["succeeded", "failed", "upstream-failed", "skipped"] as const;
type End = (typeof ends)[number];

/** What becomes of a step whose upstream steps have all ended: Airflow's documentation, a rule a line. */
const documented: Readonly<Record<TriggerRule, (upstream: readonly End[]) => Exclude<TriggerVerdict, "wait">>> = {
  "all-succeeded": (upstream) => {
    if (upstream.every((end) => end === "succeeded")) return "start";
    return upstream.some(isFailure) ? "upstream-failed" : "skipped";
  },
  "all-failed": (upstream) => (upstream.every(isFailure) ? "start" : "skipped"),
  "all-done": () => "start",
  "all-done-min-one-succeeded": (upstream) => {
    if (upstream.includes("succeeded")) return "start";
    return upstream.some(isFailure) ? "upstream-failed" : "skipped";
  },
  "all-skipped": (upstream) => (upstream.every((end) => end === "skipped") ? "start" : "skipped"),
  "one-succeeded": (upstream) => {
    if (upstream.includes("succeeded")) return "start";
    return upstream.every((end) => end === "skipped") ? "skipped" : "upstream-failed";
  },
  "one-failed": (upstream) => (upstream.some(isFailure) ? "start" : "skipped"),
  "one-done": (upstream) => (upstream.includes("succeeded") || upstream.includes("failed") ? "start" : "skipped"),
  "none-failed": (upstream) => (upstream.some(isFailure) ? "upstream-failed" : "start"),
  "none-failed-min-one-succeeded": (upstream) => {
    if (upstream.some(isFailure)) return "upstream-failed";
    return upstream.includes("succeeded") ? "start" : "skipped";
  },
  "none-skipped": (upstream) => (upstream.includes("skipped") ? "skipped" : "start"),
  always: () => "start",
};

/** Rules that let a step start without waiting for the rest. */
const eager: ReadonlySet<TriggerRule> = new Set(["one-succeeded", "one-failed", "one-done", "always"]);
const rules = Object.keys(documented) as TriggerRule[];

function isFailure(end: End): boolean {
  return end === "failed" || end === "upstream-failed";
}

function combinations(length: number): End[][] {
  if (length === 0) return [[]];
  return combinations(length - 1).flatMap((rest) => ends.map((end) => [...rest, end]));
}

function count(total: number, ended: readonly StepStatus[]): Ends {
  const counts = { ...noEnds(total) };
  for (const status of ended) counts[endKind(status)!] += 1;
  return counts;
}

describe.each(rules)("%s", (rule) => {
  it("decides as Airflow's documentation says, for every combination of one to three ends", () => {
    for (const upstream of [1, 2, 3].flatMap(combinations))
      expect([upstream, triggerVerdict(rule, count(upstream.length, upstream))]).toEqual([
        upstream,
        documented[rule](upstream),
      ]);
  });

  it("starts a step that depends on nothing", () => {
    expect(triggerVerdict(rule, noEnds(0))).toBe("start");
  });

  it("decides early exactly when no end that is still to come could change it", () => {
    for (const soFar of [0, 1, 2].flatMap(combinations)) {
      const possible = new Set(combinations(3 - soFar.length).map((rest) => documented[rule]([...soFar, ...rest])));
      const verdict = triggerVerdict(rule, count(3, soFar));
      if (verdict !== "wait") expect([soFar, ...possible]).toEqual([soFar, verdict]);
      // To start early is for the eager rules; a step that can't start any more never has to wait.
      const certain = possible.size === 1 ? [...possible][0]! : null;
      const mayBeEarly = certain !== null && (certain !== "start" || eager.has(rule));
      expect([soFar, verdict]).toEqual([soFar, mayBeEarly ? certain : "wait"]);
    }
  });

  it("blames an end that is there, when it keeps a step from starting", () => {
    for (const upstream of [1, 2, 3].flatMap(combinations)) {
      const verdict = triggerVerdict(rule, count(upstream.length, upstream));
      if (verdict === "start" || verdict === "wait") continue;
      expect(upstream.some((end) => isCulprit(rule, verdict, endKind(end)!))).toBe(true);
    }
  });
});

it("counts a cancelled step as failed, and what is open as nothing", () => {
  expect(endKind("cancelled")).toBe("failed");
  for (const status of ["waiting", "held", "queued", "retrying", "sleeping", "mapped"] as const) {
    expect(isEnd(status)).toBe(false);
    expect(endKind(status)).toBeNull();
  }
});
