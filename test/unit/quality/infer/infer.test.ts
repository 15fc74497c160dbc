import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openArtifactStore } from "../../../../src/adapters/file-system/artifact-store.ts";
import { openSession, type Session } from "../../../../src/dataset/session.ts";
import { contractName, contractText } from "../../../../src/quality/infer/contract-file.ts";
import { contractOf, inferContract, type Inferred } from "../../../../src/quality/infer/infer.ts";
import { textOf } from "../../../../src/quality/infer/suggestion.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-infer-"));
const artifacts = openArtifactStore({ artifacts: join(folder, "artifacts"), temporary: join(folder, "temporary") });
let session: Session;
beforeAll(async () => {
  session = await openSession({ temporaryFolder: join(folder, "spill") });
});
afterAll(() => {
  session.close();
  rmSync(folder, { recursive: true, force: true });
});

async function infer(query: string): Promise<Inferred> {
  return inferContract({
    session,
    artifacts,
    relation: `(${query})`,
    columns: await session.describe(query),
    name: "t",
  });
}
async function fields(query: string): Promise<Record<string, string>> {
  return Object.fromEntries((await infer(query)).suggestions.map(({ column, calls }) => [column, textOf(calls)]));
}

const orders = `SELECT 'o-' || i AS order_id, CASE WHEN i % 3 = 0 THEN 'paid' ELSE 'new' END AS status, (i * 1.5)::DOUBLE AS amount,
  i AS line, '00' || i AS code, '2026-01-01T00:00:00Z' AS created_at, '2026-01-0' || (1 + i % 9) AS day,
  'someone' || i || '@example.org' AS email, uuid()::VARCHAR AS ref, (i % 2 = 0)::VARCHAR AS gift,
  CASE WHEN i % 4 = 0 THEN NULL ELSE -i END AS balance, NULL AS nothing, [i] AS list, i::VARCHAR AS quantity,
  DATE '2026-01-01' AS d, TIMESTAMP '2026-01-01 00:00:00' AS t, TIMESTAMPTZ '2026-01-01 00:00:00Z' AS tz
  FROM range(60) r(i)`;

describe("a suggested contract", () => {
  it("is what a person would have written", async () => {
    expect(await fields(orders)).toEqual({
      order_id: "z.string().regex(/^o-\\d+$/)",
      status: 'z.enum(["new", "paid"])',
      amount: "z.number().nonnegative()",
      line: "z.int().nonnegative()",
      code: "z.string().min(1)",
      created_at: 'timestamp({ timeZone: "UTC" })',
      day: "z.iso.date()",
      email: "z.email()",
      ref: "z.uuid()",
      gift: "z.boolean()",
      balance: "z.int().nullable()",
      nothing: "z.unknown()",
      list: "z.unknown()",
      quantity: "z.int()",
      d: "z.iso.date()",
      t: 'timestamp({ timeZone: "UTC" })',
      tz: 'timestamp({ timeZone: "UTC" })',
    });
  });

  it("says what it saw beside each column", async () => {
    const remarks = Object.fromEntries(
      (await infer(orders)).suggestions.map((item) => [item.column, item.remarks.join("; ")]),
    );
    expect(remarks).toMatchObject({
      order_id: "every value differs",
      amount: "0 to 88.5",
      balance: "-59 to -1; null in 25.0 %",
      nothing: "nothing but nulls",
      t: "in which zone were these times written?",
    });
  });

  it("takes back what the rows themselves break, and says how many do", async () => {
    // One address that looks like one and that Zod does not take.
    const query = `SELECT CASE WHEN i = 7 THEN 'a_b@-x.org' ELSE 'a' || i || '@example.org' END AS email,
      CASE WHEN i = 3 THEN 'nan'::DOUBLE ELSE i END AS n, CASE WHEN i = 5 THEN '2026-02-30' ELSE '2026-01-05' END AS day FROM range(40) r(i)`;
    const { suggestions } = await infer(query);
    expect(suggestions.map(({ calls }) => textOf(calls))).toEqual(["z.string().min(1)", "z.unknown()", "z.string()"]);
    expect(suggestions[2]!.remarks).toContain("1 value is not iso.date");
  });

  it("of no rows promises nothing", async () => {
    expect(await fields("SELECT 1 AS a, 'x' AS b WHERE false")).toEqual({ a: "z.unknown()", b: "z.unknown()" });
  });

  it("is TypeScript that compiles and means the same as what was tried", async () => {
    const query = `SELECT i AS "class", 'a"b\nc' AS "odd name", 'q' || (i % 2) AS "it's" FROM range(50) r(i)`;
    for (const [name, source] of [
      ["orders", orders],
      ["new", query],
    ] as const) {
      const { suggestions, profile } = await infer(source);
      const text = contractText({ name, source: "orders.csv", rows: profile.rows, suggestions });
      const file = join(folder, `${name}.ts`);
      writeFileSync(file, text);
      const root = fileURLToPath(new URL("../../../../", import.meta.url));
      rmSync(join(folder, "node_modules"), { force: true });
      symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
      writeFileSync(join(folder, "package.json"), '{"type": "module"}');
      execFileSync(
        process.execPath,
        [
          join(root, "node_modules/typescript/bin/tsc"),
          "--noEmit",
          "--strict",
          "--module",
          "nodenext",
          "--target",
          "es2024",
          "--skipLibCheck",
          "--types",
          "",
          file,
        ],
        { cwd: folder },
      );
      const made = Object.values(
        (await import(pathToFileURL(file).href)) as Record<string, { columns: string[]; schema: unknown }>,
      );
      expect(made).toHaveLength(1);
      expect(made[0]!.columns).toEqual(contractOf(name, suggestions).columns);
      expect(text.split("\n").every((line) => line.length <= 120)).toBe(true);
    }
  });

  it("is named after its table or file", () => {
    expect(
      ["data/Orders-2026.csv.gz", "warehouse.sales", "9.parquet", "a/b.jsonl", "w.s.t_x"].map(contractName),
    ).toEqual(["orders_2026", "sales", "data_9", "b", "t_x"]);
  });
});
