// The shop's own database, of which the pipelines read the customers: a SQLite file, or PostgreSQL where
// `DATABASE_URL` is set. Filling it again gives the same rows.
//
//   node shop-database.ts             fills it
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { allCustomers } from "./data/customers.ts";

/** The SQLite file that `sluice.config.ts` names. */
export const shopFile: string = join(import.meta.dirname, "data/generated/shop.db");

/** Fills the shop that `sluice.config.ts` connects to, and says where it is. */
export async function fillShop(): Promise<string> {
  const url = process.env["DATABASE_URL"];
  if (url) {
    await fillPostgres(url);
    return "PostgreSQL (DATABASE_URL)";
  }
  fillSqlite(shopFile);
  return shopFile;
}

/** Makes the SQLite file where it is the one in use and isn't there yet. */
export function ensureShop(): void {
  if (!process.env["DATABASE_URL"] && !existsSync(shopFile)) fillSqlite(shopFile);
}

/** Makes the file anew under another name and then moves it into place: a reader sees the old one or the new one. */
export function fillSqlite(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}`;
  try {
    const database = new DatabaseSync(temporary);
    try {
      database.exec("BEGIN");
      database.exec(
        "CREATE TABLE shop_customers (customer_id TEXT PRIMARY KEY, name TEXT NOT NULL, country TEXT NOT NULL, segment TEXT NOT NULL, updated_at TEXT NOT NULL)",
      );
      const insert = database.prepare("INSERT INTO shop_customers VALUES (?, ?, ?, ?, ?)");
      for (const row of allCustomers()) insert.run(row.customer_id, row.name, row.country, row.segment, row.updated_at);
      database.exec("COMMIT");
    } finally {
      database.close();
    }
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Adds or renews the customers in one transaction; what else the database holds stays as it is. */
export async function fillPostgres(url: string): Promise<void> {
  const { Client } = (await import("pg")).default;
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const rows = allCustomers();
    await client.query("BEGIN");
    await client.query(
      "CREATE TABLE IF NOT EXISTS shop_customers (customer_id text PRIMARY KEY, name text NOT NULL, country text NOT NULL, segment text NOT NULL, updated_at timestamptz NOT NULL)",
    );
    await client.query(
      `INSERT INTO shop_customers SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
       ON CONFLICT (customer_id) DO UPDATE SET (name, country, segment, updated_at) = (excluded.name, excluded.country, excluded.segment, excluded.updated_at)`,
      (["customer_id", "name", "country", "segment", "updated_at"] as const).map((column) =>
        rows.map((row) => row[column]),
      ),
    );
    await client.query("COMMIT");
  } finally {
    await client.end();
  }
}

if (process.argv[1] === import.meta.filename) {
  try {
    console.log(`The shop's customers are in ${await fillShop()}`);
  } catch (error) {
    console.error(`The shop's database could not be filled: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
