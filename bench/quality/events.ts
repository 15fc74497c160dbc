// The rows and the rules of the bench: ten columns, ten rules, one row in 83 broken, each by one rule.
import { z } from "zod";
import { contract, type Contract } from "../../src/quality/index.ts";

const row = z.strictObject({
  user_id: z.string().min(1).max(64),
  event_id: z.string().regex(/^evt_[a-zA-Z0-9]{16}$/),
  event_type: z.enum(["click", "purchase", "signup", "logout", "view"]),
  created_at: z.iso.datetime(),
  age: z.int().min(0).max(150),
  email: z.email(),
  amount: z.number().nonnegative().nullable(),
  country: z.string().regex(/^[A-Z]{2}$/),
  score: z.number().min(0).max(1),
  session: z.int().min(1),
});

export const rowSchema: typeof row = row;
export const userEvent: Contract = contract("user_event", { row });

/** SQL of `count` rows. The broken ones are spread evenly, and the same in every run. */
export function eventsSql(count: number): string {
  return `SELECT
    CASE WHEN h % 500 = 1 THEN '' ELSE 'user_' || (h % 100000) END AS user_id,
    'evt_' || substr(md5(CAST(i AS VARCHAR)), 1, CASE WHEN h % 500 = 2 THEN 15 ELSE 16 END) AS event_id,
    CASE WHEN h % 500 = 3 THEN 'refund' ELSE ['click', 'purchase', 'signup', 'logout', 'view'][1 + h % 5] END AS event_type,
    strftime(TIMESTAMP '2026-01-01' + to_seconds(i % 2592000), '%Y-%m-%dT%H:%M:%SZ') AS created_at,
    CAST(CASE WHEN h % 500 = 4 THEN 200 ELSE h % 100 END AS INTEGER) AS age,
    CASE WHEN h % 500 = 5 THEN 'not-an-email' ELSE 'user' || (h % 100000) || '@example.com' END AS email,
    CAST(CASE WHEN h % 10 = 0 THEN NULL WHEN h % 500 = 6 THEN -50 ELSE (h % 100000) / 100 END AS DOUBLE) AS amount,
    ['TW', 'US', 'DE', 'JP', 'FR', 'GB'][1 + h % 6] AS country,
    CAST((h % 1000) / 1000 AS DOUBLE) AS score,
    1 + h % 50 AS session
  FROM (SELECT i, CAST(hash(i) % 1000000 AS BIGINT) AS h FROM range(${count}) AS t(i))`;
}
