import fc from "fast-check";
import { expect, it } from "vitest";
import { bothWays } from "./judging-lines.ts";
import { inValibot, randomLines, valibotLines } from "./random-lines.ts";

// Many more: npm run agree -- --cases 100000
it("says the same of random lines with the patterns and without them", async () => {
  let known = 0;
  let valid = 0;
  await fc.assert(
    fc.asyncProperty(randomLines(40), async ({ contract, lines }) => {
      const { quick, slow } = await bothWays(contract, lines.join("\n"));
      expect(quick.rows).toBe(slow.rows);
      expect(quick.failing).toEqual(slow.failing);
      known += slow.asked - quick.asked;
      valid += slow.rows - slow.failing.length;
    }),
    { numRuns: 150 },
  );
  // The law says little if no line is known by its pattern. Of drawn contracts, many have columns that no pattern is made for.
  expect(known / valid).toBeGreaterThan(0.2);
}, 60_000);

it("says the same of rows in Valibot", async () => {
  await fc.assert(
    fc.asyncProperty(valibotLines, async (lines) => {
      const shown = ['{"c0":"a","c1":5,"c2":"a"}', '{"c0":"a","c2":null}', ...lines];
      const { quick, slow } = await bothWays(inValibot, shown.join("\n"));
      expect(quick.failing).toEqual(slow.failing);
    }),
    { numRuns: 50 },
  );
});
