import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { contract } from "../../../src/quality/index.ts";
import { type Bench, openBench } from "./judging.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

const userEvent = contract("user_event", {
  row: z.strictObject({
    user_id: z.string().min(1).max(64),
    event_id: z.string().regex(/^evt_[a-zA-Z0-9]{16}$/),
    event_type: z.enum(["click", "purchase", "signup", "logout", "view"]),
    created_at: z.iso.datetime(),
    age: z.int().min(0).max(150),
    email: z.email(),
    amount: z.number().nonnegative().nullable(),
  }),
  key: ["user_id", "event_id"],
});
const events = [
  ["user_001", "evt_abc123def456gh78", "purchase", "2026-01-15T10:30:00Z", 28, "user@example.com", 99.99],
  ["", "evt_xyz789uvw012st34", "click", "2026-01-15T10:31:00Z", 35, "other@example.com", null],
  ["user_003", "invalid", "refund", "2026-01-15T10:32:00Z", 200, "not-an-email", -50],
].map((values) => Object.fromEntries(userEvent.columns.map((column, position) => [column, values[position]!])));
const reasons = [
  [],
  ["user_id minLength"],
  ["event_id pattern", "event_type enum", "age maximum", "email email", "amount minimum"],
];

describe("three user events: a good one, one without a user, one with five faults", () => {
  it("judged one by one", () => {
    const found = events.map((event) => {
      const verdict = userEvent.safeParse(event);
      return verdict.success ? [] : verdict.issues.map(({ path, rule }) => `${path} ${rule}`);
    });
    expect(found).toEqual(reasons);
    expect(userEvent.parse(events[0])).toEqual(events[0]);
  });

  it.each([
    ["columns of text, as of CSV", "VARCHAR", "VARCHAR"],
    ["columns with types, as of Parquet or a table", "BIGINT", "DOUBLE"],
  ])("judged as a dataset with %s", async (_, age, amount) => {
    const columns = userEvent.columns.map((name) => ({
      name,
      type: name === "age" ? age : name === "amount" ? amount : "VARCHAR",
    }));
    const { rows, broken, valid } = await bench.judge(userEvent, await bench.dataset(columns, events));
    expect(rows).toEqual({ in: 3, out: 1, duplicate: 0, quarantined: 2 });
    expect(broken.map((row) => row.reasons.map(({ path, rule }) => `${path} ${rule}`))).toEqual(reasons.slice(1));
    expect(broken[1]?.reasons.map(({ value }) => value)).toEqual(["invalid", "refund", 200, "not-an-email", -50]);
    expect(valid).toEqual([{ ...events[0], age: "28" }]);
  });

  it("fails the usual sample ids, which have 15 characters behind the prefix and not 16", async () => {
    const short = { ...events[0], event_id: "evt_abc123def456gh7" };
    expect(userEvent.safeParse(short)).toMatchObject({ issues: [{ path: "event_id", rule: "pattern" }] });
    const { broken } = await bench.judge(userEvent, await bench.dataset(userEvent.columns, [short]));
    expect(broken[0]?.reasons).toMatchObject([{ path: "event_id", rule: "pattern", value: "evt_abc123def456gh7" }]);
  });
});
