// npm run agree -- [--cases 100000] [--seed 1]: random row schemas with random rows, each row a case. Zod, the JSON Schema
// validator and the columnar passes of both must say the same of every one; and of as many random lines of JSON, the line
// patterns what parsing and Zod say. The first on which they don't ends it with 1.
import { isDeepStrictEqual, parseArgs } from "node:util";
import fc from "fast-check";
import { openBench } from "../test/unit/quality/judging.ts";
import { bothWays } from "../test/unit/quality/line-pattern/judging-lines.ts";
import { randomLines } from "../test/unit/quality/line-pattern/random-lines.ts";
import { checkCase, randomCase } from "../test/unit/quality/random-contract.ts";

const { values } = parseArgs({ options: { cases: { type: "string" }, seed: { type: "string" } } });
const cases = Number(values.cases ?? 100_000);
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const rowsPerSchema = 40;
const bench = await openBench();
let judged = 0;
let valid = 0;
try {
  await fc.assert(
    fc.asyncProperty(randomCase(rowsPerSchema), async (one) => {
      valid += await checkCase(bench, one);
      judged += one.rows.length;
    }),
    { numRuns: Math.ceil(cases / rowsPerSchema), seed },
  );
  console.log(
    `seed ${seed}: ${judged} cases under ${judged / rowsPerSchema} schemas, ${valid} of them valid: one verdict in all four ways`,
  );
  let lines = 0;
  let known = 0;
  await fc.assert(
    fc.asyncProperty(randomLines(rowsPerSchema), async (one) => {
      const { quick, slow } = await bothWays(one.contract, one.lines.join("\n"));
      if (!isDeepStrictEqual({ ...quick, asked: 0 }, { ...slow, asked: 0 }))
        throw new Error(`the line patterns judge otherwise: ${JSON.stringify(one.lines)}`);
      lines += slow.rows;
      known += slow.asked - quick.asked;
    }),
    { numRuns: Math.ceil(cases / rowsPerSchema), seed },
  );
  console.log(`seed ${seed}: ${lines} lines, ${known} of them known by their pattern: one report in both ways`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  bench.close();
}
