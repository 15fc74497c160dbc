// The pipeline against rows that this file gives: `npx sluice test` runs it in about a second, with no file and no server.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fail, kill, testPipeline } from "sluice/testing";

const order = (number: number, change: object = {}) => ({
  order_id: `o-${100_000 + number}`,
  customer_id: "c-101",
  ordered_at: "2026-01-05T10:00:00Z",
  status: "paid",
  amount: "12.50",
  ...change,
});

test("good orders are loaded, a bad one is set aside, and nothing is there twice when a worker dies", async (context) => {
  const good = Array.from({ length: 25 }, (_, index) => order(index));
  const run = await testPipeline({
    pipeline: "orders_daily",
    partition: "2026-01-05",
    fixtures: { orders: [...good, order(25, { amount: "a lot" })] },
    faults: [fail("clean", { attempts: 2 }), kill("loaded", { when: "after" })],
  });
  context.after(() => run.close());

  assert.equal(run.status, "succeeded");
  assert.equal((await run.table("warehouse.orders")).length, 25);
  assert.deepEqual(
    (await run.quarantine("clean")).map(({ row }) => row["order_id"]),
    ["o-100025"],
  );
  assert.equal(run.steps["clean"]?.attempts, 3);
  assert.equal(run.steps["loaded"]?.attempts, 2);
});
