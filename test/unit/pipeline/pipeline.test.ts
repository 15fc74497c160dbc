import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Json } from "../../../src/json.ts";
import { approval } from "../../../src/pipeline/approval.ts";
import { daily } from "../../../src/pipeline/time-partitions.ts";
import { pipeline } from "../../../src/pipeline/pipeline.ts";
import { makePlan } from "../../../src/pipeline/plan.ts";
import type { StepContext, StepHandle, StepSpec } from "../../../src/pipeline/step.ts";
import { task } from "../../../src/pipeline/task.ts";

const noop = task(async () => {});
const spec = (config: Json): StepSpec<null> => ({
  kind: "test",
  inputs: {},
  config,
  execute: async () => ({ output: null }),
});
const invalid = (message: string | RegExp) =>
  expect.objectContaining({
    code: "DEFINITION_INVALID",
    message: expect.stringMatching(message),
    hint: expect.any(String),
  });

describe("pipeline", () => {
  it("makes a plan of steps in the order in which they were described, each knowing what it depends on", () => {
    const { plan } = pipeline("orders", ({ step }) => {
      const a = step(
        "a",
        task(async () => 1),
      );
      const b = step(
        "b",
        task({ a }, async (inputs) => inputs.a + 1),
        { after: a },
      );
      step("c", noop, { after: [a, b] });
    });
    expect(plan.steps.map(({ name, kind, dependsOn }) => [name, kind, dependsOn])).toEqual([
      ["a", "task", []],
      ["b", "task", ["a"]],
      ["c", "task", ["a", "b"]],
    ]);
    expect(plan).toMatchObject({ pipeline: "orders", partitions: null });
  });

  it("gives each step the pipeline's retry and timeout, setting by setting, unless it has its own", () => {
    const { plan } = pipeline("orders", { retry: { limit: 5, delay: "5m" }, timeout: "1h" }, ({ step }) => {
      step("a", noop);
      step("b", noop, { retry: { limit: 0 }, timeout: "1.1m" });
    });
    expect(plan.steps[0]).toMatchObject({
      retry: { limit: 5, delayMs: 300_000, backoff: "exponential" },
      timeoutMs: 3_600_000,
    });
    expect(plan.steps[1]).toMatchObject({ retry: { limit: 0, delayMs: 300_000 }, timeoutMs: 66_000 });
    expect(pipeline("p", ({ step }) => void step("a", noop)).plan.steps[0]!.timeoutMs).toBeNull();
  });

  it("builds the specs of a run with its partition", () => {
    const seen: (string | undefined)[] = [];
    const orders = pipeline("orders", { partitions: daily({ from: "2011-01-01" }) }, ({ step, partition }) => {
      seen.push(partition.key);
      step("a", spec({ from: partition.start }));
    });
    expect(orders.specs("2011-01-04").get("a")!.config).toEqual({ from: "2011-01-04T00:00:00.000Z" });
    expect(seen).toEqual(["2011-01-01", "2011-01-04"]);
    expect(() => orders.specs("2010-12-31")).toThrow(expect.objectContaining({ code: "USAGE" }));
  });

  it("runs the code of a task with the outputs it reads", async () => {
    const { specs } = pipeline("orders", ({ step }) => {
      const a = step(
        "a",
        task(async () => ({ n: 1 })),
      );
      step(
        "b",
        task({ first: a }, ({ first }, context) => `${first.n} ${context.step}`),
      );
      step(
        "c",
        task(() => {}),
      );
    });
    const run = async (name: string, inputs: Record<string, unknown>) =>
      (
        await specs(null)
          .get(name)!
          .execute({ step: name, inputs } as unknown as StepContext, undefined as never)
      ).output;
    expect(await run("a", {})).toEqual({ n: 1 });
    expect(await run("b", { first: { n: 1 } })).toBe("1 b");
    expect(await run("c", {})).toBeNull();
  });

  it("refuses two steps of one name", () => {
    expect(() => pipeline("orders", ({ step }) => [step("a", noop), step("a", noop)] as never)).toThrow(
      invalid(/"orders" has two steps named "a"/),
    );
  });

  it("refuses a handle from another pipeline, even of a step of the same name", () => {
    let foreign: StepHandle<unknown> | undefined;
    pipeline("other", ({ step }) => {
      foreign = step("a", noop);
    });
    const build = (after: StepHandle<unknown>) => () =>
      pipeline("orders", ({ step }) => (step("a", noop), void step("b", noop, { after })));
    expect(build(foreign!)).toThrow(
      invalid(/"b" of pipeline "orders" depends on a handle that is not from this pipeline/),
    );
    expect(build({ step: "a" }), "a handle made by hand").toThrow(invalid("not from this pipeline"));
  });

  it("can't be made to form a cycle with handles made by hand", () => {
    expect(() =>
      pipeline("orders", ({ step }) => {
        const a = step("a", noop, { after: { step: "b" } });
        step("b", noop, { after: a });
      }),
    ).toThrow(invalid(/"a" of pipeline "orders"/));
  });

  it("refuses a handle that a former build of the same pipeline gave out", () => {
    let kept: StepHandle<unknown> | undefined;
    const orders = pipeline("orders", { partitions: daily({ from: "2011-01-01" }) }, ({ step }) => {
      const a = step("a", noop);
      step("b", noop, { after: kept ?? a });
      kept ??= a;
    });
    expect(() => orders.specs("2011-01-02")).toThrow(invalid("not from this pipeline"));
  });

  it.each([undefined, null])("refuses %s as a handle, with a clear error", (handle) => {
    expect(() =>
      pipeline(
        "orders",
        ({ step }) =>
          void step(
            "b",
            task({ a: handle as never }, async () => 1),
          ),
      ),
    ).toThrow(invalid("not from this pipeline"));
  });

  it("refuses an async builder, and leaves no rejection behind", async () => {
    expect(() =>
      pipeline("orders", (async ({ step }: { step: (name: string, spec: unknown) => void }) => {
        step("a", noop);
        await Promise.resolve();
        throw new Error("later");
      }) as never),
    ).toThrow(invalid(/builder of pipeline "orders" is async/));
    await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it("refuses a pipeline without steps, or without a builder", () => {
    expect(() => pipeline("orders", () => {})).toThrow(invalid("has no step"));
    expect(() => pipeline("orders", undefined as never)).toThrow(invalid("has no builder function"));
    expect(() => pipeline("orders", { retry: {} }, undefined as never)).toThrow(invalid("has no builder function"));
  });

  it("refuses what is not a kind of step, and says how to wrap a function", () => {
    const build = (wrong: unknown) => () => pipeline("orders", ({ step }) => void step("a", wrong as StepSpec<null>));
    expect(build(async () => 1)).toThrow(
      expect.objectContaining({ code: "DEFINITION_INVALID", hint: expect.stringContaining("task(") }),
    );
    for (const wrong of [undefined, null, {}, "a", { kind: "x", inputs: {} }])
      expect(build(wrong)).toThrow(invalid('"a" of pipeline "orders" is not made of'));
  });

  it.each(["", "A", "1a", "a-b", "a b", "_a", "ä", "a".repeat(65), undefined, 7])(
    "refuses the name %j for a step or a pipeline",
    (name) => {
      expect(() => pipeline(name as string, ({ step }) => void step("a", noop))).toThrow(
        invalid("can't be the name of a pipeline"),
      );
      expect(() => pipeline("orders", ({ step }) => void step(name as string, noop))).toThrow(
        invalid("can't be the name of a step"),
      );
    },
  );

  it.each(["a", "a1_b", "constructor", "a".repeat(64)])("takes the name %j", (name) => {
    expect(pipeline(name, ({ step }) => void step(name, noop)).plan.steps[0]!.name).toBe(name);
  });

  it("refuses a shape that depends on the partition", () => {
    const build = (shape: (key: string, step: (name: string, options?: object) => StepHandle<unknown>) => void) =>
      pipeline("orders", { partitions: daily({ from: "2011-01-01" }) }, ({ step, partition }) =>
        shape(partition.key, (name, options) => step(name, noop, options)),
      );
    const late = build((key, step) => [step("a"), key > "2011-01-03" && step("b")]);
    expect(late.specs("2011-01-03").size).toBe(1);
    expect(() => late.specs("2011-01-04")).toThrow(invalid(/"orders" has other steps for another partition/));
    const renamed = build((key, step) => step(key > "2011-01-03" ? "b" : "a"));
    expect(() => renamed.specs("2011-01-04")).toThrow(invalid("other steps"));
    const other = build((key, step) => {
      const a = step("a");
      step("b", key > "2011-01-03" ? { after: a } : {});
    });
    expect(() => other.specs("2011-01-04")).toThrow(invalid(/other steps.*look at "b"/));
    const asking = pipeline("orders", { partitions: daily({ from: "2011-01-01" }) }, ({ step, partition }) => {
      step("ok", approval({ message: `Publish ${partition.key}?` }));
    });
    expect(() => asking.specs("2011-01-04")).toThrow(invalid(/other steps.*look at "ok"/));
    const fewer = build((key, step) => [step("a"), key < "2011-01-03" && step("b")]);
    expect(() => fewer.specs("2011-01-04")).toThrow(invalid(/other steps.*look at "b"/));
  });
});

describe("a plan's version", () => {
  const planWith = (config: Json) => pipeline("orders", ({ step }) => void step("a", spec(config))).plan;
  const reversed = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(reversed);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, item]) => [key, reversed(item)]),
    );
  };

  it("doesn't change with the order of keys", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (config) => {
        expect(planWith(reversed(config) as Json).version).toBe(planWith(config as Json).version);
      }),
    );
  });

  it("changes with the content", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), fc.jsonValue({ maxDepth: 3 }), (one, other) => {
        // As JSON, where -0 is 0.
        const [first, second] = [JSON.parse(JSON.stringify(one)) as Json, JSON.parse(JSON.stringify(other)) as Json];
        expect(planWith(first).version === planWith(second).version).toBe(isDeepStrictEqual(first, second));
      }),
    );
    const base = planWith({ n: 1 });
    expect(pipeline("orders", { timeout: "1s" }, ({ step }) => void step("a", spec({ n: 1 }))).plan.version).not.toBe(
      base.version,
    );
    expect(
      pipeline("orders", { retry: { limit: 9 } }, ({ step }) => void step("a", spec({ n: 1 }))).plan.version,
    ).not.toBe(base.version);
    expect(pipeline("others", ({ step }) => void step("a", spec({ n: 1 }))).plan.version).not.toBe(base.version);
  });

  it("is the same for a plan that was written down and read again", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (config) => {
        const { version, ...parts } = planWith(config as Json);
        expect(makePlan(JSON.parse(JSON.stringify(parts))).version).toBe(version);
      }),
    );
  });

  it("is that of the code of a task", () => {
    const one = pipeline(
      "orders",
      ({ step }) =>
        void step(
          "a",
          task(async () => 1),
        ),
    ).plan.version;
    expect(
      pipeline(
        "orders",
        ({ step }) =>
          void step(
            "a",
            task(async () => 1),
          ),
      ).plan.version,
    ).toBe(one);
    expect(
      pipeline(
        "orders",
        ({ step }) =>
          void step(
            "a",
            task(async () => 2),
          ),
      ).plan.version,
    ).not.toBe(one);
  });
});
