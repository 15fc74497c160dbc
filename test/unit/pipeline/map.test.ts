import { tmpdir } from "node:os";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { Dataset } from "../../../src/dataset/dataset.ts";
import { map, type MapNeeds } from "../../../src/dataset/map.ts";
import { openSession, type Session } from "../../../src/dataset/session.ts";
import { writeQuery } from "../../../src/dataset/write-dataset.ts";
import type { Json } from "../../../src/json.ts";
import { concurrencyKey, itemAt } from "../../../src/pipeline/item.ts";
import { pipeline } from "../../../src/pipeline/pipeline.ts";
import type { StepHandle, StepSpec } from "../../../src/pipeline/step.ts";
import { task } from "../../../src/pipeline/task.ts";
import { temporaryArtifacts } from "../../conformance/sink.ts";
import { invalid, planned, stepContext } from "./dsl.ts";

let session: Session;
beforeAll(async () => {
  session = await openSession({ temporaryFolder: tmpdir() });
});
afterAll(() => session.close());

const list = (values: readonly Json[]) => task(() => [...values]);

/** Runs a mapped step's code for each item, as a worker would. */
async function outputsOf(spec: StepSpec<unknown, never>, outputs: Readonly<Record<string, unknown>>, count: number) {
  const inputs = Object.fromEntries(Object.entries(spec.inputs).map(([name, handle]) => [name, outputs[handle.step]]));
  const needs: MapNeeds = { session: async () => session };
  const results = Array.from({ length: count }, (_unused, item) =>
    (spec as StepSpec<unknown, MapNeeds>).execute(stepContext({ item, inputs }), needs),
  );
  return (await Promise.all(results)).map((result) => result.output);
}

describe("a step mapped over a list", () => {
  const files = ["a.csv", "bb.csv", "ccc.csv"];
  const { plan, specs } = pipeline("orders", ({ step }) => {
    const found = step("found", list(files));
    const factor = step(
      "factor",
      task(() => 10),
    );
    step(
      "size",
      map(found, (file, { item, inputs }) => ({ at: item, size: (file as string).length * inputs.factor }), {
        inputs: { factor },
      }),
    );
    step(
      "nothing",
      map(found, () => {}),
    );
  });

  it("says in the plan what it goes over, and depends on that and on what all items read", () => {
    expect(planned(plan, "size")).toMatchObject({
      kind: "map",
      control: { type: "map", over: ["found"], fields: null, batch: null },
      dependsOn: ["factor", "found"],
    });
  });

  it("works on one element, with its position and what all items read", async () => {
    expect(await outputsOf(specs(null).get("size")!, { found: files, factor: 10 }, 3)).toEqual([
      { at: 0, size: 50 },
      { at: 1, size: 60 },
      { at: 2, size: 70 },
    ]);
    expect(await outputsOf(specs(null).get("nothing")!, { found: files }, 1)).toEqual([null]);
  });
});

describe("a step mapped over several lists", () => {
  it("works on each combination, of which the last list's element changes fastest", async () => {
    const { plan, specs } = pipeline("orders", ({ step }) => {
      const file = step("files", list(["a", "b"]));
      const region = step("regions", list(["eu", "us", "asia"]));
      step(
        "grid",
        map({ file, region }, ({ file, region }) => `${file as string} ${region as string}`),
      );
    });
    expect(planned(plan, "grid").control).toEqual({
      type: "map",
      over: ["files", "regions"],
      fields: ["file", "region"],
      batch: null,
    });
    expect(await outputsOf(specs(null).get("grid")!, { files: ["a", "b"], regions: ["eu", "us", "asia"] }, 6)).toEqual([
      "a eu",
      "a us",
      "a asia",
      "b eu",
      "b us",
      "b asia",
    ]);
  });

  it("has the combinations that nested loops have, in their order", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.nat(), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 }),
        (lists) => {
          const fields = lists.map((_list, at) => `f${at}`);
          const expected = lists.reduce<number[][]>(
            (tuples, own) => tuples.flatMap((tuple) => own.map((each) => [...tuple, each])),
            [[]],
          );
          const control = { type: "map", over: fields, fields, batch: null } as const;
          expect(expected.map((_tuple, at) => Object.values(itemAt(control, lists, at) as object))).toEqual(expected);
        },
      ),
    );
  });
});

describe("a step mapped over a dataset", () => {
  it("works on its rows, so many at a time, in their order and each once", async () => {
    const artifacts = temporaryArtifacts();
    onTestFinished(() => artifacts.dispose());
    const dataset: Dataset = await writeQuery(
      session,
      artifacts,
      "select i as id, 'n' || i as name, i::hugeint * 1000000000000 as big from range(45500) t(i)",
    );
    const { plan, specs } = pipeline("orders", ({ step }) => {
      const rows = step("rows", list([]) as unknown as StepSpec<Dataset>);
      step(
        "each",
        map(rows, (batch) => batch.map(({ id, name }) => [Number(id), name as string]), { batch: 10_000 }),
      );
    });
    expect(planned(plan, "each").control).toEqual({ type: "map", over: ["rows"], fields: null, batch: 10_000 });
    const batches = (await outputsOf(specs(null).get("each")!, { rows: dataset }, 5)) as [number, string][][];
    expect(batches.map((batch) => batch.length)).toEqual([10_000, 10_000, 10_000, 10_000, 5_500]);
    expect(batches.flat()).toEqual(Array.from({ length: 45_500 }, (_unused, at) => [at, `n${at}`]));
  });
});

describe("what a step can't be mapped over", () => {
  const handle: StepHandle<readonly string[]> = { step: "list" };
  it("is refused in one line that says what to do", () => {
    expect(() => map({}, () => 1)).toThrow(invalid("map needs something to map over"));
    expect(() => map(handle, undefined as never)).toThrow(invalid("map needs something to map over and a function"));
    for (const batch of [0, -1, 2.5]) {
      expect(() => map({ step: "rows" } as StepHandle<Dataset>, () => 1, { batch })).toThrow(invalid("rows at a time"));
    }
    expect(() => map({ a: handle, b: handle } as never, () => 1, { batch: 10 })).toThrow(invalid("of one dataset"));
  });
});

describe("items under a concurrency", () => {
  it("count by the field that is named, or all together", () => {
    const per = { key: "orders.each", limit: 1, per: "customer" };
    expect(concurrencyKey(per, { customer: "acme", other: 1 })).toBe('orders.each:"acme"');
    expect(concurrencyKey(per, { customer: { b: 1, a: 2 } })).toBe('orders.each:{"a":2,"b":1}');
    expect(concurrencyKey(per, "acme")).toBe("orders.each:null");
    expect(concurrencyKey({ ...per, per: null }, { customer: "acme" })).toBe("orders.each");
  });
});
