import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fillPostgres, fillSqlite } from "../../../examples/retail/shop-database.ts";
import { postgresMissing, startPostgres } from "../../postgres-server.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "shop-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function read(path: string): Record<string, unknown>[] {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    return database
      .prepare("SELECT * FROM shop_customers ORDER BY customer_id")
      .all()
      .map((row) => ({ ...row }));
  } finally {
    database.close();
  }
}

describe("the shop's database", () => {
  it("has every customer number once, with a name, a country and a segment", () => {
    const path = join(folder, "made/shop.db");
    fillSqlite(path);
    const rows = read(path);
    expect(rows).toHaveLength(18_287 - 12_346 + 1);
    expect(rows[0]).toMatchObject({ customer_id: "12346", name: "Shop 12346" });
    expect(rows.at(-1)).toMatchObject({ customer_id: "18287", name: "Shop 18287" });
    expect(
      rows.every(
        (row) => row["country"] !== "" && row["segment"] !== "" && !Number.isNaN(Date.parse(String(row["updated_at"]))),
      ),
    ).toBe(true);
    const countries = new Set(rows.map((row) => row["country"]));
    expect(countries.size).toBe(14);
    expect(rows.filter((row) => row["country"] === "United Kingdom").length / rows.length).toBeGreaterThan(0.85);
  });

  it("is the same when it is filled again, under a reader too, and leaves nothing beside it", () => {
    const path = join(folder, "again/shop.db");
    fillSqlite(path);
    const before = read(path);
    const reader = new DatabaseSync(path, { readOnly: true });
    fillSqlite(path);
    expect(reader.prepare("SELECT count(*) AS n FROM shop_customers").get()).toMatchObject({ n: before.length });
    reader.close();
    expect(read(path)).toEqual(before);
    expect(readdirSync(join(folder, "again"))).toEqual(["shop.db"]);
  });
});

const server = await startPostgres();
afterAll(() => server?.stop());

describe.skipIf(server === null)(
  `the shop's database in PostgreSQL${server === null ? ` (${postgresMissing})` : ""}`,
  () => {
    it("holds the same customers as the file, however often it is filled", async () => {
      const { url } = server!;
      await fillPostgres(url);
      await fillPostgres(url);
      const path = join(folder, "compare/shop.db");
      fillSqlite(path);
      const { Client } = (await import("pg")).default;
      const client = new Client({ connectionString: url });
      await client.connect();
      try {
        const { rows } = await client.query(
          "SELECT customer_id, name, country, segment, updated_at FROM shop_customers ORDER BY customer_id",
        );
        expect(rows.map((row) => ({ ...row, updated_at: row.updated_at.toISOString() }))).toEqual(read(path));
      } finally {
        await client.end();
      }
    });
  },
);
