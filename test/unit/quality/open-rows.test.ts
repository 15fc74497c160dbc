import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { contract } from "../../../src/quality/index.ts";
import { lazyRow } from "../../../src/quality/lazy-row.ts";
import { type Bench, openBench } from "./judging.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

describe("rows that SQL leaves open", () => {
  it("are asked about in JS once, without those that are broken anyway", async () => {
    const asked: string[] = [];
    const judge = contract("c", {
      row: z.object({ id: z.string().refine((id) => (asked.push(id), id !== "odd")), n: z.int() }),
    });
    const rows = [
      { id: "a", n: "1" },
      { id: "odd", n: "1" },
      { id: "b", n: "x" },
    ];
    const { broken } = await bench.judge(judge, await bench.dataset(["id", "n"], rows));
    expect(broken.map(({ record }) => record)).toEqual([2, 3]);
    // The two broken rows are explained by a second look.
    expect(asked).toEqual(["a", "odd", "odd", "b"]);
  });

  it("are a plain object to a refinement of the whole row, which may read any of it", async () => {
    const seen: unknown[] = [];
    const judge = contract("c", {
      row: z
        .strictObject({ b: z.string(), a: z.int(), c: z.string().optional(), d: z.string().nullable() })
        .refine(
          (row) => (seen.push(row.a, Object.keys(row), { ...row }, JSON.stringify(row), "c" in row), row.a !== 2),
        ),
    });
    const rows = [
      { b: "x", a: "1" },
      { b: "y", a: "2", c: "z" },
    ];
    const { broken } = await bench.judge(judge, await bench.dataset(["a", "b", "c", "d"], rows));
    expect(broken.map(({ record, reasons }) => [record, reasons[0]?.rule])).toEqual([[2, "refine"]]);
    const plain = { b: "x", a: 1, d: null };
    expect(seen.slice(0, 5)).toEqual([1, Object.keys(plain), plain, JSON.stringify(plain), false]);
  });

  it("decode a column when it is read, once, and tell when something was written", () => {
    const decoded: string[] = [];
    const names = ["a", "b", "c"];
    const { row, isChanged } = lazyRow(names, (index, into) => {
      decoded.push(names[index]!);
      if (index < 2) into[names[index]!] = { index };
    });
    const first = row["b"];
    expect(decoded).toEqual(["b"]);
    expect(row["missing"]).toBeUndefined();
    expect(Object.keys(row)).toEqual(["a", "b"]);
    expect(row["b"]).toBe(first);
    expect(decoded).toEqual(["b", "a", "c"]);
    expect(isChanged()).toBe(false);
    row["a"] = 5;
    expect([row["a"], isChanged()]).toEqual([5, true]);
  });

  it("don't pass when a refinement of the row writes into it", async () => {
    const judge = contract("c", {
      row: z.object({ a: z.int() }).superRefine((row) => {
        row.a += 1;
      }),
    });
    const { broken } = await bench.judge(judge, await bench.dataset(["a"], [{ a: "1" }]));
    expect(broken[0]?.reasons).toMatchObject([{ path: "a", rule: "unchanged" }]);
  });

  it("inside nested values are those that SQL can't judge exactly", async () => {
    let asked = 0;
    const judge = contract("c", {
      row: z.object({
        tags: z.array(
          z
            .string()
            .max(3)
            .refine((tag) => ((asked += 1), tag !== "bad")),
        ),
        n: z.int(),
      }),
    });
    const columns = [{ name: "tags", type: "VARCHAR[]" }, "n"];
    const rows = ["[]", "[a]", "[abcd]", "[bad, a]", "[NULL]"].map((tags) => ({ tags, n: "1" }));
    const { broken } = await bench.judge(judge, await bench.dataset(columns, rows));
    expect(broken.map(({ record }) => record)).toEqual([3, 4, 5]);
    expect(asked).toBeLessThanOrEqual(6);
  });
});

describe("the key of a contract", () => {
  const row = z.strictObject({ user_id: z.string().min(1), event_id: z.int(), note: z.string().nullable() });
  const key = ["user_id", "event_id"];
  const rows = [
    { user_id: "", event_id: "1" },
    { user_id: "u", event_id: "1", note: "first" },
    { user_id: "u", event_id: "2" },
    { user_id: "u", event_id: "+1", note: "again" },
    { user_id: "u", event_id: "x" },
    { user_id: "u", event_id: "001" },
  ];

  it("lets the first valid row pass, and counts the others as duplicates", async () => {
    const judge = contract("c", { row, key });
    const { rows: counts, valid } = await bench.judge(
      judge,
      await bench.dataset(["user_id", "event_id", "note"], rows),
    );
    expect(counts).toEqual({ in: 6, out: 2, duplicate: 2, quarantined: 2 });
    expect(valid.map(({ note }) => note)).toEqual(["first", null]);
  });

  it("or sets them aside with a reason", async () => {
    const judge = contract("c", { row, key, onDuplicate: "quarantine" });
    const { rows: counts, broken } = await bench.judge(
      judge,
      await bench.dataset(["user_id", "event_id", "note"], rows),
    );
    expect(counts).toEqual({ in: 6, out: 2, duplicate: 0, quarantined: 4 });
    expect(broken.filter(({ reasons }) => reasons[0]?.rule === "key")).toMatchObject([
      { record: 4, row: rows[3], reasons: [{ path: "user_id,event_id", value: { user_id: "u", event_id: 1 } }] },
      { record: 6 },
    ]);
  });

  it.each<[string, readonly string[], RegExp]>([
    ["a column that is not there", ["id"], /"id", which the row has not/],
    ["a column that may be null", ["note"], /"note", which may be null/],
    ["a column twice", ["user_id", "user_id"], /names a column twice/],
  ])("is refused with %s", (_, names, message) => {
    expect(() => contract("c", { row, key: names })).toThrow(message);
  });
});
