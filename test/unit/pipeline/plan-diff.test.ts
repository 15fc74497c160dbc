import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planDiff } from "../../../src/pipeline/plan-diff.ts";
import { makePlan, type Plan } from "../../../src/pipeline/plan.ts";
import { pipeline, type PipelineOptions } from "../../../src/pipeline/pipeline.ts";
import type { StepOptions } from "../../../src/pipeline/step-options.ts";
import { daily } from "../../../src/pipeline/time-partitions.ts";
import { task } from "../../../src/pipeline/task.ts";
import { noop } from "./dsl.ts";

const planOf = (options: PipelineOptions<undefined, undefined> = {}, step: StepOptions = {}): Plan =>
  pipeline("orders", options, (context) => {
    const a = context.step("a", noop);
    context.step("b", noop, { after: a, ...step });
  }).plan;

describe("the difference of two plans", () => {
  it("is none of a plan and itself, also when it was written down and read", () => {
    expect(planDiff(planOf(), planOf())).toEqual([]);
    const { version: _version, ...parts } = planOf({ lateAfter: "1h" });
    expect(planDiff(planOf({ lateAfter: "1h" }), makePlan(JSON.parse(JSON.stringify(parts)) as Plan))).toEqual([]);
  });

  it("names each field of the pipeline and of a step that changed, with what it was", () => {
    expect(
      planDiff(
        planOf({ schedule: { cron: "0 2 * * *" } }, { retry: { limit: 1 } }),
        planOf({ schedule: { cron: "0 3 * * *" }, maxActiveRuns: 4 }, { pool: "api" }),
      ),
    ).toEqual([
      { path: "schedule.cron", before: "0 2 * * *", after: "0 3 * * *" },
      { path: "maxActiveRuns", before: 16, after: 4 },
      { path: "steps.b.retry.limit", before: 1, after: 2 },
      { path: "steps.b.pools.api", before: null, after: 1 },
    ]);
  });

  it("has steps that came and went, the code of a step, and an order that changed", () => {
    const before = pipeline("orders", ({ step }) => {
      step(
        "a",
        task(() => 1),
      );
      step("b", noop);
      step("old", noop);
    }).plan;
    const after = pipeline("orders", { partitions: daily({ from: "2026-01-01" }) }, ({ step }) => {
      step("b", noop);
      const a = step(
        "a",
        task(() => 2),
      );
      step("new", noop, { after: a });
    }).plan;
    expect(planDiff(before, after)).toEqual([
      { path: "partitions", before: null, after: daily({ from: "2026-01-01" }) },
      { path: "steps", before: ["a", "b"], after: ["b", "a"] },
      { path: "steps.a.config.code", before: "() => 1", after: "() => 2" },
      { path: "steps.old", before: { kind: "task", dependsOn: [] }, after: null },
      { path: "steps.new", before: null, after: { kind: "task", dependsOn: ["a"] } },
    ]);
  });

  it("is there exactly when the versions differ", () => {
    const options = fc.record(
      {
        schedule: fc.constantFrom({ every: "1h" } as const, { cron: "0 2 * * *" } as const, { onEvent: "x" } as const),
        maxActiveRuns: fc.integer({ min: 1, max: 3 }),
        lateAfter: fc.constantFrom("1h", "2h"),
        timeout: fc.constantFrom("1m", "2m"),
        on: fc.constantFrom({ failure: () => 1 }, { failure: () => 2 }, { success: () => 1 }),
      },
      { requiredKeys: [] },
    );
    const step = fc.record(
      {
        trigger: fc.constantFrom("always", "all-done"),
        priority: fc.integer({ min: 0, max: 2 }),
        retry: fc.record(
          {
            limit: fc.nat(2),
            retryable: fc.constantFrom(
              () => true,
              () => false,
            ),
          },
          { requiredKeys: [] },
        ),
        cache: fc.constantFrom(true, { for: "1d" } as const),
        on: fc.constantFrom({ late: () => 1 }, { late: () => 2 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(options, step, options, step, (one, oneStep, other, otherStep) => {
        const [before, after] = [planOf(one as never, oneStep as never), planOf(other as never, otherStep as never)];
        expect(planDiff(before, after).length > 0).toBe(before.version !== after.version);
        expect(
          planDiff(after, before)
            .map(({ path }) => path)
            .sort(),
        ).toEqual(
          planDiff(before, after)
            .map(({ path }) => path)
            .sort(),
        );
      }),
      { numRuns: 300 },
    );
  });
});
