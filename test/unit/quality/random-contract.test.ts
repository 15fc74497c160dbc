import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Bench, openBench } from "./judging.ts";
import { checkCase, randomCase } from "./random-contract.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

// Many more: npm run agree -- --cases 100000
it("gives one verdict for random rows under random schemas: Zod's, the JSON Schema validator's, and both columnar passes'", async () => {
  let valid = 0;
  let all = 0;
  await fc.assert(
    fc.asyncProperty(randomCase(40), async (one) => {
      valid += await checkCase(bench, one);
      all += one.rows.length;
    }),
    { numRuns: 40 },
  );
  // The law says little if everything is broken, or nothing.
  expect(valid / all).toBeGreaterThan(0.02);
  expect(valid / all).toBeLessThan(0.98);
}, 60_000);
