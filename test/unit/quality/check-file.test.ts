import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { openSession } from "../../../src/dataset/session.ts";
import { checkFile, col, contract, rule } from "../../../src/quality/index.ts";

const order = contract("order", {
  row: z.strictObject({
    id: z.string().min(1),
    n: z.int().min(1),
    paid: z.number().nullable(),
    note: z
      .string()
      .refine((note) => note !== "odd")
      .optional(),
  }),
  rules: [rule("paid_in_full", col("paid").ge(col("n")))],
});
const rows = [
  { id: "a", n: 1, paid: 2.5, note: "fine" },
  { id: "b", n: 0, paid: 1 },
  { id: "c", n: 5, paid: 1 },
  { id: "d", n: 1, paid: null, note: "odd" },
  { id: "é😀\uFEFF", n: 7, paid: null },
];
const broken = [
  [2, "n", "minimum"],
  [3, "paid,n", "paid_in_full"],
  [4, "note", "refine"],
];

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-check-"));
  writeFileSync(join(folder, "rows.jsonl"), rows.map((row) => JSON.stringify(row)).join("\n"));
  const session = await openSession({ temporaryFolder: folder });
  const typed = `read_json('${folder}/rows.jsonl', columns = {id: 'VARCHAR', n: 'BIGINT', paid: 'DOUBLE', note: 'VARCHAR'})`;
  await session.run(`COPY (FROM ${typed}) TO '${folder}/rows.parquet' (FORMAT parquet)`);
  await session.run(`COPY (FROM ${typed}) TO '${folder}/rows.csv' (HEADER)`);
  session.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a file judged where it lies", () => {
  it.each(["parquet", "csv", "jsonl"])("has the same verdict as %s", async (format) => {
    const report = await checkFile(order, join(folder, `rows.${format}`), { threads: 2 });
    expect(report).toMatchObject({ contract: "order", rows: 5, valid: 2, invalid: 3 });
    expect(report.examples.map(({ record, reasons }) => [record, reasons[0]?.path, reasons[0]?.rule])).toEqual(broken);
    expect(report.reasons).toContainEqual({ path: "n", rule: "minimum", count: 1 });
  });

  it("keeps the types that JSON has, keys that are not there, and lines that are no JSON", async () => {
    const file = join(folder, "types.jsonl");
    const lines = [
      "\uFEFF" + JSON.stringify(rows[0]),
      `{"id":5,"n":1,"paid":null}`,
      `{"id":"x","n":"1","paid":null}`,
      "",
      `{"id":"x","n":1.0,"paid":null}\r`,
      `{"id":"x","n":1}`,
      `{"id":"x","n":1,"paid":null,"colour":"red"}`,
      `{"id":"x","n":1,`,
      `[1]`,
    ];
    writeFileSync(file, lines.join("\n"));
    const { rows: count, examples } = await checkFile(order, file);
    expect(count).toBe(8);
    expect(examples.map(({ record, reasons }) => [record, reasons[0]?.path, reasons[0]?.rule])).toEqual([
      [2, "id", "type"],
      [3, "n", "type"],
      [5, "paid", "required"],
      [6, "colour", "unrecognized"],
      [7, "", "json"],
      [8, "", "type"],
    ]);
  });

  it("counts all, and keeps as many as it is told to", async () => {
    const file = join(folder, "many.csv");
    const body = Array.from({ length: 10_000 }, (_, position) => `a,${position % 4},,`).join("\n");
    writeFileSync(file, `id,n,paid,note\n${body}\n`);
    const report = await checkFile(order, file, { examples: 2 });
    expect(report).toMatchObject({ rows: 10_000, valid: 7500, invalid: 2500, reasons: [{ path: "n", count: 2500 }] });
    expect(report.examples.map(({ record }) => record)).toEqual([1, 5]);
    writeFileSync(file, "id,n,paid,note\n");
    expect(await checkFile(order, file)).toMatchObject({ rows: 0, valid: 0, invalid: 0 });
  });

  it("is refused when its columns don't fit, or it is of another kind", async () => {
    writeFileSync(join(folder, "other.csv"), "id,number\na,1\n");
    await expect(checkFile(order, join(folder, "other.csv"))).rejects.toMatchObject({ code: "CONTRACT_MISMATCH" });
    await expect(checkFile(order, join(folder, "rows.xlsx"))).rejects.toMatchObject({ code: "USAGE" });
  });
});
