import { describe, expect, it } from "vitest";
import { env } from "../../../src/config.ts";
import { webhook } from "../../../src/connect/webhook.ts";
import type { HookContext, HookNotice, HookOptions } from "../../../src/hook.ts";
import { pipeline } from "../../../src/pipeline/pipeline.ts";
import type { RetryVerdict } from "../../../src/pipeline/retry.ts";
import { daily } from "../../../src/pipeline/time-partitions.ts";
import { noop, planned } from "./dsl.ts";

const notice = {} as HookNotice;
const context = {} as HookContext;

describe("hooks", () => {
  it("of a pipeline and of its steps are functions beside the plan, which says for what there are any", () => {
    const told: string[] = [];
    const orders = pipeline(
      "orders",
      { on: { failure: [() => told.push("one"), () => told.push("two")], late: () => told.push("late") } },
      ({ step }) => {
        step("a", noop, { on: { success: () => told.push("a") } });
        step("b", noop);
      },
    );
    expect(orders.plan.hooks).toEqual(["failure", "late"]);
    expect(planned(orders.plan, "a").hooks).toEqual(["success"]);
    expect(planned(orders.plan, "b").hooks).toEqual([]);
    for (const hook of orders.hooks.failure!) hook(notice, context);
    const { hooks } = orders.code(null);
    expect([...hooks.keys()]).toEqual(["a"]);
    hooks.get("a")!.success![0]!(notice, context);
    expect(told).toEqual(["one", "two", "a"]);
    expect(orders.hooks.success).toBeUndefined();
  });

  it("of a step belong to the run they were described in", () => {
    const told: string[] = [];
    const orders = pipeline("orders", { partitions: daily({ from: "2026-01-01" }) }, ({ step, partition }) => {
      step("a", noop, { on: { failure: () => told.push(partition.key) } });
    });
    for (const key of ["2026-01-02", "2026-01-05"]) orders.code(key).hooks.get("a")!.failure![0]!(notice, context);
    expect(told).toEqual(["2026-01-02", "2026-01-05"]);
  });

  it("are part of the version by their text, and by what describes them", () => {
    const version = (on: HookOptions, level: "pipeline" | "step") =>
      pipeline(
        "orders",
        level === "pipeline" ? { on } : {},
        ({ step }) => void step("a", noop, level === "step" ? { on } : {}),
      ).plan.version;
    for (const level of ["pipeline", "step"] as const) {
      const versions = [
        {},
        { failure: () => 1 },
        { failure: () => 2 },
        { late: () => 1 },
        { failure: webhook(env("ONE")) },
        { failure: webhook(env("OTHER")) },
        { failure: webhook(env("ONE"), { headers: { authorization: env("TOKEN") } }) },
      ].map((on) => version(on, level));
      expect(new Set(versions).size).toBe(versions.length);
      expect(version({ failure: () => 1 }, level)).toBe(versions[1]);
    }
  });

  it("leave what describes them in the plan, with references unresolved", () => {
    const { plan } = pipeline("orders", { on: { failure: webhook(env("ALERTS_URL")) } }, ({ step }) => {
      step("a", noop, { on: { late: webhook("https://example.com/late") } });
    });
    expect(plan.code).toEqual({
      hooks: { failure: [{ webhook: { url: { $ref: "env", name: "ALERTS_URL" }, headers: {}, timeoutMs: 10_000 } }] },
    });
    expect(planned(plan, "a").code).toEqual({
      hooks: { late: [{ webhook: { url: "https://example.com/late", headers: {}, timeoutMs: 10_000 } }] },
    });
  });
});

describe("the verdict on errors", () => {
  const refused: RetryVerdict = (error) => error.code !== "SOURCE_REFUSED";
  const never: RetryVerdict = () => false;

  it("is the step's, else its group's, else the pipeline's", () => {
    const orders = pipeline("orders", { retry: { limit: 3, retryable: refused } }, ({ step, group }) => {
      step("a", noop);
      step("b", noop, { retry: { retryable: never } });
      group("g", ({ step }) => void step("c", noop), { retry: { retryable: never } });
    });
    const { retryable } = orders.code(null);
    expect([...retryable]).toEqual([
      ["a", refused],
      ["b", never],
      ["g.c", never],
    ]);
    expect(pipeline("orders", ({ step }) => void step("a", noop)).code(null).retryable.size).toBe(0);
  });

  it("is part of the version, and not of what the step is", () => {
    const plan = (retryable: RetryVerdict) =>
      pipeline("orders", { retry: { retryable } }, ({ step }) => void step("a", noop)).plan;
    expect(plan(refused).version).toBe(plan(refused).version);
    expect(plan(refused).version).not.toBe(plan(never).version);
    expect(plan(refused).steps[0]!.config).toEqual(plan(never).steps[0]!.config);
    expect(plan(refused).steps[0]!.retry).toEqual(plan(never).steps[0]!.retry);
  });
});
