import { describe, expect, it } from "vitest";
import { approval } from "../../../src/pipeline/approval.ts";
import { bytes, type ByteSize } from "../../../src/pipeline/byte-size.ts";
import { pipeline, type PipelineOptions } from "../../../src/pipeline/pipeline.ts";
import { checkPools } from "../../../src/pipeline/pools.ts";
import { sensor } from "../../../src/pipeline/sensor.ts";
import type { StepOptions } from "../../../src/pipeline/step-options.ts";
import type { StepSpec } from "../../../src/pipeline/step.ts";
import { daily } from "../../../src/pipeline/time-partitions.ts";
import { waitFor } from "../../../src/pipeline/wait-for.ts";
import { map } from "../../../src/dataset/map.ts";
import { task } from "../../../src/pipeline/task.ts";
import { invalid, noop, planned } from "./dsl.ts";

const withOptions = (
  options: StepOptions,
  whole: PipelineOptions<undefined, undefined> = {},
  spec: StepSpec<unknown, never> = noop,
) => planned(pipeline("orders", whole, ({ step }) => void step("a", spec, options)).plan, "a");

describe("a step without options", () => {
  it("starts when all before it succeeded, alone in its kind, and takes nothing", () => {
    expect(withOptions({})).toEqual({
      name: "a",
      kind: "task",
      control: { type: "run" },
      dependsOn: [],
      when: [],
      trigger: "all-succeeded",
      teardownOf: null,
      dependsOnPast: false,
      retry: { limit: 2, delayMs: 1_000, backoff: "exponential", maxDelayMs: 600_000, jitter: 0 },
      timeoutMs: null,
      lateMs: null,
      pools: {},
      concurrency: null,
      priority: 0,
      resources: { cpus: 0, memory: 0 },
      cache: null,
      hooks: [],
      config: { code: expect.any(String) },
    });
  });
});

describe("options of a step", () => {
  it("become fields of the plan", () => {
    const listed = (options: StepOptions) =>
      pipeline("orders", { partitions: daily({ from: "2026-01-01" }) }, ({ step }) => void step("a", noop, options))
        .plan.steps[0]!;
    expect(
      listed({
        trigger: "none-failed",
        pool: "api",
        concurrency: { key: "warehouse", limit: 1 },
        priority: 10,
        resources: { cpus: 2, memory: "4GB" },
        cache: { for: "7d" },
        dependsOnPast: true,
        lateAfter: "10m",
        retry: { jitter: 0.2 },
      }),
    ).toMatchObject({
      trigger: "none-failed",
      pools: { api: 1 },
      concurrency: { key: "warehouse", limit: 1, per: null },
      priority: 10,
      resources: { cpus: 2, memory: 4_000_000_000 },
      cache: { ttlMs: 604_800_000 },
      dependsOnPast: true,
      lateMs: 600_000,
      retry: { jitter: 0.2 },
    });
    expect(listed({ pool: { api: 2, db: 1 }, concurrency: 4, cache: true })).toMatchObject({
      pools: { api: 2, db: 1 },
      concurrency: { key: "orders.a", limit: 4, per: null },
      cache: { ttlMs: null },
    });
    expect(listed({ cache: false }).cache).toBeNull();
  });

  it("are the pipeline's where the step says nothing", () => {
    const whole = { pool: "api", priority: 3, resources: { cpus: 1 }, timeout: "1h" } as const;
    expect(withOptions({}, whole)).toMatchObject({
      pools: { api: 1 },
      priority: 3,
      resources: { cpus: 1 },
      timeoutMs: 3_600_000,
    });
    expect(withOptions({ pool: {}, priority: 0 }, whole)).toMatchObject({ pools: {}, priority: 0 });
    // No worker runs it: what is for attempts is not for it.
    expect(withOptions({}, whole, approval({ message: "?" }))).toMatchObject({
      pools: {},
      timeoutMs: null,
      resources: { cpus: 0 },
    });
  });

  it("may count attempts by a field of a mapped step's items", () => {
    const { plan } = pipeline("orders", ({ step }) => {
      const list = step(
        "list",
        task(() => [{ customer: "acme" }]),
      );
      step(
        "each",
        map(list, () => 1),
        { concurrency: { limit: 1, per: "customer" } },
      );
    });
    expect(planned(plan, "each").concurrency).toEqual({ key: "orders.each", limit: 1, per: "customer" });
  });

  it.each<[string, StepOptions, RegExp, StepSpec<unknown, never>?]>([
    ["an unknown trigger", { trigger: "all-good" as "always" }, /trigger "all-good", which there is not/],
    ["a pool of no slots", { pool: { api: 0 } }, /takes 0 slots of the pool "api"/],
    ["a pool of part of a slot", { pool: { api: 0.5 } }, /takes 0\.5 slots/],
    ["no concurrency at all", { concurrency: 0 }, /concurrency of 0/],
    ["a concurrency without a key", { concurrency: { key: "", limit: 1 } }, /concurrency without a key/],
    [
      "a field of items where there are none",
      { concurrency: { limit: 1, per: "x" } },
      /concurrency per "x" and no items/,
    ],
    ["part of a priority", { priority: 1.5 }, /priority 1\.5/],
    ["no processors' worth", { resources: { cpus: -1 } }, /uses -1 processors/],
    ["memory without a unit", { resources: { memory: "4" as ByteSize } }, /"4" is not an amount of memory/],
    ["a past where there is none", { dependsOnPast: true }, /depends on its past/],
    ["no time to be late by", { lateAfter: "later" as "1s" }, /"later" is not a duration/],
    ["too much jitter", { retry: { jitter: 1.5 } }, /jitter of 1\.5/],
    ["a hook on what never comes about", { on: { finished: () => {} } as object }, /hook on "finished"/],
    ["a hook that can't be called", { on: { failure: "mail me" as never } }, /hook on failure that can't be called/],
    ["a pool for an approval", { pool: "api" }, /takes no worker, and has `pool`/, approval({ message: "?" })],
    ["a timeout for an approval", { timeout: "1h" }, /takes no worker, and has `timeout`/, approval({ message: "?" })],
    ["retries for a wait", { retry: { limit: 1 } }, /takes no worker, and has `retry`/, waitFor("raw")],
    ["a cache for a sensor", { cache: true }, /is a sensor and has `cache`/, sensor(() => true)],
  ])("are refused in one line that says which step: %s", (_what, options, message, spec) => {
    let thrown: Error & { code?: string; hint?: string };
    try {
      withOptions(options, {}, spec);
      throw new Error("nothing was thrown");
    } catch (error) {
      thrown = error as typeof thrown;
    }
    expect(thrown).toMatchObject({
      code: "DEFINITION_INVALID",
      message: expect.stringMatching(message),
      hint: expect.any(String),
    });
    expect(thrown.message).not.toContain("\n");
  });
});

describe("pools", () => {
  const using = (pool: StepOptions["pool"]) => pipeline("orders", ({ step }) => void step("a", noop, { pool: pool! }));

  it("are there, with as many slots as a step takes", () => {
    checkPools([using("api"), using({ api: 5 })], { api: 5 });
    expect(() => checkPools([using("api"), using("db")], { api: 5 })).toThrow(
      invalid('Step "a" of pipeline "orders" uses the pool "db", which sluice.config.ts does not define'),
    );
    expect(() => checkPools([using({ api: 6 })], { api: 5 })).toThrow(
      invalid("takes 6 slots of the pool .api., which has 5"),
    );
    expect(() => checkPools([using("constructor")], {})).toThrow(invalid("does not define"));
  });
});

describe("an amount of memory", () => {
  it.each<[ByteSize, number]>([
    ["4GB", 4e9],
    ["1.5GiB", 1_610_612_736],
    ["512MB", 512e6],
    ["1KiB", 1024],
    ["1TB", 1e12],
  ])("of %s is %d bytes", (size, expected) => {
    expect(bytes(size)).toBe(expected);
  });

  it.each(["", "4", "GB", "4 GB", "-1GB", "4gb", "99999999999TB"])("is not %j", (size) => {
    expect(() => bytes(size as ByteSize)).toThrow(invalid("is not an amount of memory"));
  });
});
