import { describe, expect, it } from "vitest";
import { sql } from "../../../src/dataset/sql.ts";
import {
  activeDays,
  count,
  countDistinct,
  days,
  entity,
  featureView,
  max,
  mean,
  min,
  pivot,
  ratio,
  sum,
  type Feature,
  type FeatureView,
} from "../../../src/features/index.ts";

const customer = entity("customer", { key: "customer_id" });
const view = (features: Record<string, Feature>): FeatureView =>
  featureView("activity", { entity: customer, timestamp: "at", features });

describe("a feature view", () => {
  it("keeps one state for features that differ only in their window", () => {
    const { definition } = view({
      all: sum("amount"),
      week: sum("amount", { window: days(7) }),
      average: mean("amount"),
      bought: sum("amount", { where: sql`quantity > 0` }),
    });
    expect(definition.states.map(({ function: name, where }) => [name, where])).toEqual([
      ["sum", null],
      ["count", null],
      ["sum", "quantity > 0"],
    ]);
    expect(definition.features).toEqual([
      { name: "all", kind: "merged", state: 0, window: null },
      { name: "week", kind: "merged", state: 0, window: 7 },
      { name: "average", kind: "mean", sum: 0, count: 1, window: null },
      { name: "bought", kind: "merged", state: 2, window: null },
    ]);
  });

  it("makes a feature per value of a pivot, and one for the rest, which may be named in a ratio", () => {
    const { definition } = view({
      by: pivot(count(), { by: "country", values: ["uk", "other", "fr"] }),
      share: ratio("by_uk", "by_other"),
    });
    expect(definition.features.map((feature) => feature.name)).toEqual(["by_uk", "by_other", "by_fr", "share"]);
    expect(view({ by: pivot(count(), { by: "country", values: ["uk"] }) }).definition.features).toHaveLength(2);
  });

  it("is in UTC unless it says otherwise, and is plain data", () => {
    const made = view({ n: count() });
    expect(made.timeZone).toBe("UTC");
    expect(JSON.parse(JSON.stringify(made.definition))).toEqual(made.definition);
    expect(made.columns).toEqual(["customer_id", "at"]);
  });

  it("carries values into its expressions as literals", () => {
    expect(
      view({ n: count({ where: sql`country = ${"d'or"} and quantity > ${2}` }) }).definition.states[0]?.where,
    ).toBe("country = 'd''or' and quantity > 2");
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      "a ratio of nothing known",
      () => view({ orders: count(), r: ratio("revenue", "orders") }),
      /ratio "r" of "revenue"/,
    ],
    ["a ratio of a time", () => view({ last: max("at"), n: count(), r: ratio("last", "n") }), /ratio "r" of "last"/],
    ["a ratio of a ratio", () => view({ n: count(), r: ratio("n", "n"), s: ratio("r", "n") }), /ratio "s" of "r"/],
    ["a window of no days", () => days(0), /window can't be 0 days/],
    ["a window of half a day", () => days(0.5), /window can't be 0.5 days/],
    [
      "a window that is a number",
      () => view({ n: count({ window: 7 as never }) }),
      /"n" whose window is not a number of days/,
    ],
    [
      "a pivot's column that is a feature's",
      () => view({ by_uk: count(), by: pivot(count(), { by: "c", values: ["uk"] }) }),
      /two columns named "by_uk"/,
    ],
    ["a feature named like the key", () => view({ customer_id: count() }), /two columns named "customer_id"/],
    ["a feature with a bad name", () => view({ "Orders!": count() }), /"Orders!" can't be the name of a feature/],
    ["values given twice", () => view({ by: pivot(count(), { by: "c", values: ["a", "a"] }) }), /different, non-empty/],
    ["no value", () => view({ by: pivot(count(), { by: "c", values: [] }) }), /different, non-empty/],
    [
      "a pivot of a ratio",
      () => view({ n: count(), by: pivot(ratio("n", "n") as never, { by: "c", values: ["a"] }) }),
      /not an aggregation/,
    ],
    ["a pivot by nothing", () => view({ by: pivot(count(), { by: "", values: ["a"] }) }), /without a by/],
    ["no input", () => view({ s: sum("") }), /"s" without an input/],
    ["a condition that is a text", () => view({ n: count({ where: "quantity > 0" as never }) }), /where is not sql/],
    ["something else", () => view({ n: 7 as never }), /"n" that is not one/],
    ["no feature", () => view({}), /has no feature/],
    [
      "no entity",
      () => featureView("v", { entity: undefined as never, timestamp: "at", features: { n: count() } }),
      /has no entity/,
    ],
    [
      "no timestamp",
      () => featureView("v", { entity: customer, timestamp: "", features: { n: count() } }),
      /no timestamp column/,
    ],
    [
      "no such zone",
      () => featureView("v", { entity: customer, timestamp: "at", timeZone: "Mars/Base", features: { n: count() } }),
      /"Mars\/Base"/,
    ],
    [
      "a bad view name",
      () => featureView("Customer Activity", { entity: customer, timestamp: "at", features: { n: count() } }),
      /can't be the name/,
    ],
    ["a bad entity name", () => entity("Customer", { key: "id" }), /can't be the name/],
    ["an entity without key", () => entity("customer", { key: "" }), /no key column/],
  ])("refuses %s in one line with a hint", (_what, make, message) => {
    let error: unknown;
    try {
      make();
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({
      code: "DEFINITION_INVALID",
      message: expect.stringMatching(message),
      hint: expect.stringMatching(/\S/),
    });
    expect((error as Error).message).not.toContain("\n");
  });

  it("takes every aggregation", () => {
    const features = {
      a: count("x"),
      b: countDistinct("x"),
      c: sum("x"),
      d: mean("x"),
      e: min("x"),
      f: max("x"),
      g: activeDays(),
    };
    expect(view(features).definition.features.map((feature) => feature.kind)).toEqual([
      "merged",
      "merged",
      "merged",
      "mean",
      "merged",
      "merged",
      "active-days",
    ]);
  });
});
