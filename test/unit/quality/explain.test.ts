import { describe, expect, it } from "vitest";
import { z } from "zod";
import { explainContract } from "../../../src/quality/explain.ts";
import { col, contract, rule } from "../../../src/quality/index.ts";

describe("the explanation of a contract", () => {
  const { rules, vendor } = explainContract(
    contract("c", {
      row: z
        .strictObject({
          id: z.string().regex(/^[a-k]$/i),
          n: z.int().min(3).nullable(),
          link: z.url(),
          tags: z.array(z.string().refine((tag) => tag !== "")),
        })
        .refine((row) => row.n !== 5),
      rules: [rule("small", col("n").lt(10).or(col("id").isNull()))],
    }),
  );
  const of = (column: string | null) =>
    rules.filter((one) => one.column === column).map(({ rule: name, runs }) => [name, runs]);

  it("says where each rule runs, and why not in SQL", () => {
    expect(vendor).toBe("zod");
    expect(of("id")).toEqual([
      ["text", "columnar"],
      [expect.stringMatching(/^pattern/), "both"],
    ]);
    expect(of("n")).toContainEqual([">= 3", "columnar"]);
    expect(of("link")).toEqual([
      ["text", "columnar"],
      [expect.stringMatching(/^the format "url"/), "js"],
    ]);
    expect(of("tags")).toContainEqual([expect.stringContaining("refinement"), "both"]);
    expect(of(null)).toEqual([
      ["a refinement of the whole row", "js"],
      ["small: ((n < 10) or id is null)", "columnar"],
    ]);
    for (const { runs, why } of rules) expect(why === "").toBe(runs === "columnar");
  });

  it("says whether lines of JSON are known by a pattern", () => {
    const parsed = (row: z.ZodObject) => explainContract(contract("c", { row })).linesParsed;
    expect(parsed(z.object({ id: z.string().regex(/^a/), n: z.int().refine((n) => n !== 5) }))).toBeNull();
    expect(parsed(z.object({ tags: z.array(z.string()) }))).toBe('the nested column "tags"');
    expect(parsed(z.object({ id: z.string() }).refine((row) => row.id !== ""))).toBe(
      "a condition on the row as a whole",
    );
    expect(parsed(z.object({ id: z.string().min(2000) }))).toBe('a condition on "id" without a pattern inside a line');
  });
});
