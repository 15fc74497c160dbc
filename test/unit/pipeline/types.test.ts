// What the compiler says of pipelines: inferred types, and mistakes that it refuses. `tsc` checks this file; run, the
// definitions below must at least be ones that can be made.
import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import {
  all,
  any,
  approval,
  branch,
  combine,
  daily,
  dynamicPartitions,
  hourly,
  map,
  pipeline,
  sensor,
  shortCircuit,
  staticPartitions,
  task,
  waitFor,
  when,
  type Approval,
  type AwaitedRun,
  type Dataset,
  type Partition,
  type ScheduleOptions,
  type StepHandle,
} from "../../../src/index.ts";

const nothing = task(() => {});

/** Type-checked, and never called. */
const unchecked = (_build: () => void): void => {};

describe("what the compiler knows of a pipeline", () => {
  it("is what each step hands on", () => {
    const made = pipeline("orders", ({ step, group }) => {
      const files = step(
        "files",
        task(async () => ["a.csv", "b.csv"]),
      );
      expectTypeOf(files).toEqualTypeOf<StepHandle<string[]>>();
      const regions = step(
        "regions",
        task(() => [{ code: "eu", id: 1 }]),
      );
      const sizes = step(
        "sizes",
        map(
          files,
          async (file, context) => {
            expectTypeOf(file).toEqualTypeOf<string>();
            expectTypeOf(context.item).toEqualTypeOf<number>();
            expectTypeOf(context.inputs.regions).toEqualTypeOf<{ code: string; id: number }[]>();
            return { file, size: file.length };
          },
          { inputs: { regions } },
        ),
        { concurrency: { limit: 1, per: "customer" } },
      );
      expectTypeOf(sizes).toEqualTypeOf<StepHandle<readonly { file: string; size: number }[]>>();
      const grid = step(
        "grid",
        map({ file: files, region: regions, size: sizes }, ({ file, region, size }) => {
          expectTypeOf(file).toEqualTypeOf<string>();
          expectTypeOf(region).toEqualTypeOf<{ code: string; id: number }>();
          expectTypeOf(size).toEqualTypeOf<{ file: string; size: number }>();
          return region.id;
        }),
      );
      expectTypeOf(grid).toEqualTypeOf<StepHandle<readonly number[]>>();
      const file = step(
        "there",
        sensor(async (_inputs, { step }) => (step.length > 3 ? step : false)),
      );
      expectTypeOf(file).toEqualTypeOf<StepHandle<string>>();
      const found = step(
        "found",
        sensor({ sizes }, ({ sizes }) => sizes[0] ?? null, { every: "10s" }),
      );
      expectTypeOf(found).toEqualTypeOf<StepHandle<{ file: string; size: number }>>();
      const ok = step("ok", approval({ message: "Publish?" }));
      expectTypeOf(ok).toEqualTypeOf<StepHandle<Approval>>();
      const upstream = step("upstream", waitFor("raw"));
      expectTypeOf(upstream).toEqualTypeOf<StepHandle<readonly AwaitedRun[]>>();
      const goesOn = step(
        "goes_on",
        shortCircuit({ sizes }, ({ sizes }) => sizes.length > 0),
      );
      expectTypeOf(goesOn).toEqualTypeOf<StepHandle<boolean>>();
      const last = group("clean", ({ step }) =>
        step(
          "a",
          task({ sizes }, ({ sizes }) => sizes.map(({ size }) => size)),
        ),
      );
      expectTypeOf(last).toEqualTypeOf<StepHandle<number[]>>();
    });
    expect(made.plan.steps).toHaveLength(10);
  });

  it("are the labels of a branch, and no others", () => {
    const made = pipeline("orders", ({ step }) => {
      const sizes = step(
        "sizes",
        task(() => [1, 2]),
      );
      const route = step(
        "route",
        branch({ sizes }, ({ sizes }) => (sizes.length > 1 ? "many" : "one")),
      );
      step("many", nothing, { after: when(route, "many") });
      step("one", nothing, { after: [when(route, "one"), sizes] });
      // @ts-expect-error: the branch never answers "none"
      step("none", nothing, { after: when(route, "none") });
      const several = step(
        "several",
        branch(async () => (sizes === undefined ? [] : ["a", "b"])),
      );
      step("a", nothing, { after: when(several, "a") });
      // @ts-expect-error: nor this one "c"
      step("c", nothing, { after: when(several, "c") });
      // @ts-expect-error: a list of numbers is no choice
      when(sizes, "1");
    });
    expect(made.plan.steps).toHaveLength(8);
  });

  it("is the partition that the pipeline's partitions have", () => {
    pipeline("hours", { partitions: hourly({ from: "2026-01-01" }) }, ({ step, partition, params }) => {
      expectTypeOf(partition.start).toEqualTypeOf<string>();
      expectTypeOf(params).toEqualTypeOf<undefined>();
      step("a", nothing);
    });
    pipeline("regions", { partitions: staticPartitions(["eu", "us"]) }, ({ step, partition }) => {
      expectTypeOf(partition.key).toEqualTypeOf<"eu" | "us">();
      expectTypeOf(partition.start).toEqualTypeOf<string | null>();
      step("a", nothing);
    });
    pipeline("customers", { partitions: dynamicPartitions("customers") }, ({ step, partition }) => {
      expectTypeOf(partition).toEqualTypeOf<Partition>();
      step("a", nothing);
    });
    const both = combine({ day: daily({ from: "2026-01-01" }), region: staticPartitions(["eu", "us"]) });
    pipeline("both", { partitions: both }, ({ step, partition }) => {
      expectTypeOf(partition.keys.region).toEqualTypeOf<"eu" | "us">();
      expectTypeOf(partition.keys.day).toEqualTypeOf<string>();
      expectTypeOf(partition.end).toEqualTypeOf<string>();
      // @ts-expect-error: there is no such dimension
      void partition.keys.month;
      step("a", nothing);
    });
    pipeline(
      "names",
      { partitions: combine({ a: staticPartitions(["x"]), b: dynamicPartitions("b") }) },
      ({ step, partition }) => {
        expectTypeOf(partition.start).toEqualTypeOf<string | null>();
        step("a", nothing);
      },
    );
    pipeline("none", ({ step, partition }) => {
      expectTypeOf(partition).toEqualTypeOf<undefined>();
      step("a", nothing);
    });
  });

  it("are the params as their schema makes them", () => {
    const params = z.object({ minRows: z.number().default(100), only: z.string().optional() });
    const made = pipeline("orders", { params, schedule: { every: "1h" } }, ({ step, params, partition }) => {
      expectTypeOf(params).toEqualTypeOf<{ minRows: number; only?: string | undefined }>();
      expectTypeOf(partition).toEqualTypeOf<undefined>();
      step(
        "a",
        task(() => params.minRows),
      );
    });
    expect(made.plan.params).toMatchObject({ type: "object" });
  });

  it("are the mistakes that it refuses", () => {
    unchecked(() =>
      pipeline("orders", ({ step }) => {
        const rows = step("rows", undefined as unknown as import("../../../src/index.ts").StepSpec<Dataset>);
        const list = step(
          "list",
          task(() => [1]),
        );
        // @ts-expect-error: rows come in batches, whose size has to be said
        map(rows, (batch) => batch.length);
        // @ts-expect-error: a list has no rows
        map(list, (value) => value, { batch: 10 });
        const number = step(
          "n",
          task(() => 1),
        );
        // @ts-expect-error: a number is nothing to map over
        map(number, () => 1);
        // @ts-expect-error: an item is a number here
        map(list, (value) => value.length);
        // @ts-expect-error: there is no such trigger
        step("a", nothing, { trigger: "all-good" });
        // @ts-expect-error: functions are not JSON
        task(() => () => 1);
        // @ts-expect-error: an amount has a unit
        step("b", nothing, { resources: { memory: "4" } });
        // @ts-expect-error: only a handle can be torn down
        step("c", nothing, { teardown: "a" });
        // @ts-expect-error: a sensor knows no approval
        sensor(() => true, { onDeadline: "approve" });
      }),
    );
    const schedules: ScheduleOptions[] = [
      { cron: "0 2 * * *", timeZone: "Asia/Taipei", catchup: true, jitter: "2m", from: "2026-01-01" },
      { every: "15m" },
      { onUpdate: any("a", "b") },
      { onUpdate: all("a", "b") },
      { onEvent: "orders.ready" },
      // @ts-expect-error: one schedule is enough
      { cron: "0 2 * * *", every: "15m" },
      // @ts-expect-error: updates come when they come
      { onUpdate: any("a"), catchup: true },
    ];
    expect(schedules).toHaveLength(7);
    unchecked(() => {
      const needed = z.object({ day: z.date().default(new Date()) });
      pipeline("orders", { params: needed }, ({ step, params }) => {
        expectTypeOf(params.day).toEqualTypeOf<Date>();
        // @ts-expect-error: there is no such param
        void params.month;
        step("a", nothing);
      });
    });
  });
});
