import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkSql } from "../../../src/quality/check-sql.ts";
import { patternChecks } from "../../../src/quality/pattern-checks.ts";
import { type Bench, openBench } from "./judging.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

const texts = [
  "",
  "a",
  "ab",
  ".a",
  "a..b",
  "a.b",
  "A1",
  "a1",
  "1",
  "abc1",
  "ab\n..",
  "a@b",
  "😀",
  "😀..",
  "\n",
  "a)b",
  "xa",
  "b|",
];

describe("a pattern whose lookaheads stand behind its first ^", () => {
  it.each([/^(?!\.)(?!.*\.\.)[a-z.@]*$/, /^(?=.*\d)(?=.*[a-z])\w+$/, /^(?!(?:a|b\)))[^]?./u, /^(?=a[)|]b)a/, /^(?!)a/])(
    "%s is judged in SQL as in JS",
    async (pattern) => {
      const checks = patternChecks(pattern);
      if (checks === null) return expect(String(pattern)).toContain("[^]");
      const list = texts.map((text) => `'${text}'`).join(", ");
      const holds = checks.map((check) => checkSql(check, "x")).join(" AND ");
      const found = await bench.session.rows(`SELECT ${holds} AS hit FROM (SELECT unnest([${list}]) AS x)`);
      for (const [position, text] of texts.entries()) {
        const hit = found[position]!["hit"];
        // Null: left to JS.
        if (hit !== null) expect([text, hit]).toEqual([text, pattern.test(text)]);
      }
      expect(found.filter(({ hit }) => hit !== null).length).toBeGreaterThan(10);
    },
  );

  it.each([/(?=a)b/, /^a(?=b)/, /^(?!a)b|c/, /^(?!a)?b/, /^(?!(?<!a)b)c/, /^(?!(a)\1)b/])(
    "%s is left to JS",
    (pattern) => {
      expect(patternChecks(pattern)).toBeNull();
    },
  );
});
