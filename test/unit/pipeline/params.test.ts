import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { ParamsSchema } from "../../../src/pipeline/params.ts";
import { pipeline } from "../../../src/pipeline/pipeline.ts";
import type { StepSpec } from "../../../src/pipeline/step.ts";
import { daily } from "../../../src/pipeline/time-partitions.ts";
import { invalid, noop, usage } from "./dsl.ts";

const schema = z.object({ minRows: z.int().min(0).default(100), tables: z.array(z.string()).default(["a"]) });
const spec = (config: StepSpec<null>["config"]): StepSpec<null> => ({
  kind: "test",
  inputs: {},
  config,
  execute: async () => ({ output: null }),
});
const withParams = (params: ParamsSchema) => pipeline("orders", { params }, ({ step }) => void step("a", noop));

describe("params", () => {
  const orders = pipeline(
    "orders",
    { params: schema, partitions: daily({ from: "2026-01-01" }) },
    ({ step, params, partition }) => {
      step("a", spec({ least: params.minRows, day: partition.key }));
    },
  );

  it("are in the plan as JSON Schema, and its shape is found with their defaults", () => {
    expect(orders.plan.params).toMatchObject({
      type: "object",
      properties: { minRows: { type: "integer", minimum: 0, default: 100 }, tables: { type: "array", default: ["a"] } },
    });
    expect(orders.plan.steps[0]!.config).toEqual({ least: 100, day: "2026-01-01" });
    expect(pipeline("orders", ({ step }) => void step("a", noop)).plan.params).toBeNull();
  });

  it("are what was given over the defaults, and reach the builder", () => {
    const params = orders.parseParams({ minRows: 5 });
    expect(params).toEqual({ minRows: 5, tables: ["a"] });
    expect(orders.parseParams(null)).toEqual({ minRows: 100, tables: ["a"] });
    expect(orders.specs("2026-01-02", params).get("a")!.config).toEqual({ least: 5, day: "2026-01-02" });
    expect(orders.specs("2026-01-02").get("a")!.config).toEqual({ least: 100, day: "2026-01-02" });
  });

  it("that don't fit are refused in one line that says where", () => {
    const given = (raw: unknown) => () => orders.parseParams(raw as never);
    expect(given({ minRows: "5" })).toThrow(usage(/^The params of pipeline "orders" do not fit: minRows: .+$/));
    expect(given({ tables: ["a", 5] })).toThrow(usage(/tables\.1: /));
    expect(given({ minRows: -1, tables: 5 })).toThrow(usage(/minRows: .+; tables: /));
    expect(given("x")).toThrow(usage(/do not fit: /));
  });

  it("are none where the pipeline takes none", () => {
    const plain = pipeline("orders", ({ step }) => void step("a", noop));
    expect(plain.parseParams(null)).toBeNull();
    expect(plain.parseParams({})).toBeNull();
    expect(() => plain.parseParams({ minRows: 5 })).toThrow(usage(/takes no params/));
  });

  it("all have defaults: no one fills them in for a schedule", () => {
    const needed = z.object({ day: z.string() });
    expect(() => withParams(needed)).toThrow(invalid("have no defaults for all of them: day: "));
    expect(() =>
      pipeline("orders", { params: needed, schedule: { every: "1h" } }, ({ step }) => void step("a", noop)),
    ).toThrow(invalid("no defaults"));
  });

  it("are JSON, known at once and checked by a schema", () => {
    expect(() => withParams(z.object({ day: z.coerce.date().default(new Date(0)) }))).toThrow(
      invalid("are not JSON at day"),
    );
    expect(() => withParams(z.object({ n: z.number().default(Number.NaN).or(z.nan()) }) as never)).toThrow(
      invalid("are not JSON at n"),
    );
    expect(() => withParams(z.object({}).refine(async () => true))).toThrow(invalid("checked asynchronously"));
    expect(() => withParams({ parse: () => 1 } as never)).toThrow(invalid("are not a schema"));
    expect(withParams(z.object({ day: z.iso.date().optional() })).parseParams({})).toEqual({});
  });

  it("may be checked by any schema that follows the standard, described or not", () => {
    const handMade: ParamsSchema<{ limit: number }> = {
      "~standard": {
        version: 1,
        vendor: "by hand",
        validate: (value) => {
          const { limit = 3 } = value as { limit?: unknown };
          return typeof limit === "number"
            ? { value: { limit } }
            : { issues: [{ message: "no number", path: [{ key: "limit" }] }] };
        },
      },
    };
    const orders = pipeline(
      "orders",
      { params: handMade },
      ({ step, params }) => void step("a", spec({ limit: params.limit })),
    );
    expect(orders.plan.params).toEqual({});
    expect(orders.parseParams({ limit: 7 })).toEqual({ limit: 7 });
    expect(() => orders.parseParams({ limit: "7" })).toThrow(usage(/limit: no number$/));
  });

  it("are part of the version as far as they can be described", () => {
    const version = (params: ParamsSchema) => withParams(params).plan.version;
    expect(version(z.object({ n: z.number().default(1) }))).toBe(version(z.object({ n: z.number().default(1) })));
    expect(version(z.object({ n: z.number().default(1) }))).not.toBe(version(z.object({ n: z.number().default(2) })));
  });

  it("may not change which steps there are", () => {
    const orders = pipeline("orders", { params: schema }, ({ step, params }) => {
      for (const table of params.tables) step(table, noop);
    });
    expect(() => orders.specs(null, orders.parseParams({ tables: ["a", "b"] }))).toThrow(
      invalid("other steps for another partition or other params"),
    );
  });
});
