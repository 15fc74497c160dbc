// How two plans differ, for people: what was where before, and what is there now. Two versions differ exactly when this
// list isn't empty. Pure.
import { canonicalJson, type Json } from "../json.ts";
import type { Plan, PlanStep } from "./plan.ts";

/** One difference. */
export interface PlanChange {
  /** Such as "schedule.cron", "steps.load.retry.limit"; a step that came or went is "steps.load". */
  readonly path: string;
  /** Null where there was nothing. */
  readonly before: Json;
  readonly after: Json;
}

/** What changed from one plan to another: of the pipeline first, then of its steps in their order. */
export function planDiff(before: Plan, after: Plan): readonly PlanChange[] {
  const { version: _one, steps: stepsBefore, ...restBefore } = before;
  const { version: _other, steps: stepsAfter, ...restAfter } = after;
  return [
    ...changes("", restBefore as unknown as Json, restAfter as unknown as Json),
    ...orderChange(stepsBefore, stepsAfter),
    ...stepsBefore.flatMap((step) => {
      const now = stepsAfter.find((other) => other.name === step.name);
      const path = `steps.${step.name}`;
      return now === undefined
        ? [{ path, before: summaryOf(step), after: null }]
        : changes(path, dataOf(step), dataOf(now));
    }),
    ...stepsAfter
      .filter((step) => stepsBefore.every((other) => other.name !== step.name))
      .map((step) => ({ path: `steps.${step.name}`, before: null, after: summaryOf(step) })),
  ];
}

/** The steps that both have, where one has them in another order. */
function orderChange(before: readonly PlanStep[], after: readonly PlanStep[]): PlanChange[] {
  const namesIn = (steps: readonly PlanStep[], others: readonly PlanStep[]): readonly string[] =>
    steps.map((step) => step.name).filter((name) => others.some((other) => other.name === name));
  const [one, other] = [namesIn(before, after), namesIn(after, before)];
  return one.join() === other.join() ? [] : [{ path: "steps", before: one, after: other }];
}

function summaryOf({ kind, dependsOn }: PlanStep): Json {
  return { kind, dependsOn };
}

function dataOf({ name: _name, ...step }: PlanStep): Json {
  return step as unknown as Json;
}

/** Goes into objects; everything else is compared as a whole. */
function changes(path: string, before: Json | undefined, after: Json | undefined): PlanChange[] {
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) => changes(path === "" ? key : `${path}.${key}`, before[key], after[key]));
  }
  if (canonicalJson(before) === canonicalJson(after) && (before === undefined) === (after === undefined)) return [];
  return [{ path, before: before ?? null, after: after ?? null }];
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json | undefined } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
