import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exactPattern } from "../../../src/quality/pattern.ts";
import { type Bench, openBench } from "./judging.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

// Random patterns over a small alphabet of everything that has ever meant two things.
const plain = fc.constantFrom(
  "a",
  "B",
  "k",
  "é",
  " ",
  "-",
  ".",
  "\\d",
  "\\D",
  "\\w",
  "\\W",
  "\\s",
  "\\S",
  "\\.",
  "\\n",
  "\\t",
  "\\u00a0",
  "\\x41",
  "\\/",
  "\\-",
  "[a-c]",
  "[^a-c]",
  "[\\w-]",
  "[\\s\\d]",
  "[^\\s]",
  "[.]",
  "[-a]",
  "[a-]",
  "[\\]]",
  "[[:alpha:]]",
  "[\\u0000-\\uffff]",
  "[é-ü]",
  "\\b",
  "^",
  "$",
  "\\0",
  "[\\b]",
  "(?<x>a)",
);
const odd = fc.constantFrom(
  "(?=a)",
  "(?!a)",
  "\\1",
  "\\p{L}",
  "\\a",
  "\\cA",
  "]",
  "{",
  "[]",
  "[^]",
  "\\B",
  "\\u{61}",
  "[\\d-z]",
  "a{,2}",
  "\\00",
);
const atom = fc.oneof({ weight: 30, arbitrary: plain }, { weight: 1, arbitrary: odd });
const quantifier = fc.constantFrom("", "", "", "*", "+", "?", "{2}", "{1,3}", "{0,}", "*?");
const { source } = fc.letrec<{ source: string; part: string }>((tie) => ({
  part: fc.oneof(
    { maxDepth: 2, depthIdentifier: "p" },
    fc.tuple(atom, quantifier).map(([a, q]) => a + q),
    fc.tuple(tie("source"), quantifier).map(([s, q]) => `(?:${s})${q}`),
    fc.tuple(tie("source"), quantifier).map(([s, q]) => `(${s})${q}`),
  ),
  source: fc.oneof(
    fc.array(tie("part"), { minLength: 1, maxLength: 4, depthIdentifier: "p" }).map((parts) => parts.join("")),
    fc.tuple(tie("part"), tie("part")).map(([a, b]) => `^${a}|${b}$`),
  ),
}));
const regex = fc.tuple(source, fc.constantFrom("", "", "i", "u")).map(([text, flags]) => {
  try {
    return new RegExp(text, flags);
  } catch {
    return null;
  }
});
const subjects = [
  "",
  "a",
  "b",
  "c",
  "aa",
  "abc",
  "B",
  "K",
  "k",
  "\u212a",
  "\u017f",
  "s",
  "é",
  "E\u0301",
  "É",
  " ",
  "\u00a0",
  "\ufeff",
  "\u2028",
  "\n",
  "a\n",
  "\na",
  "\r",
  "\t",
  "😀",
  "a😀",
  "😀b",
  "😀😀",
  "1",
  "٣",
  "-",
  "_",
  ".",
  "]",
  "[",
  ":",
  "a-b",
  "abc abc",
  "aaaaaa",
  "A1",
  "/",
  "\\",
  "{",
  "ab1 é",
  "\u0001",
  "\v",
  "\f",
  "\ue000",
];

function isDecided(exactFor: string, text: string): boolean {
  if (exactFor === "always") return true;
  // oxlint-disable-next-line no-control-regex
  return exactFor === "ascii" ? /^[\0-\x7f]*$/.test(text) : !/[\u{10000}-\u{10ffff}]/u.test(text);
}

describe("a pattern in RE2", () => {
  it("matches what the JS pattern matches, wherever it says that it does", async () => {
    let translated = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(regex, { minLength: 10, maxLength: 15 }), async (patterns) => {
        for (const pattern of patterns) {
          const exact = pattern === null ? null : exactPattern(pattern);
          if (pattern === null || exact === null) continue;
          translated += 1;
          const texts = subjects.filter((text) => isDecided(exact.exactFor, text));
          const found = await bench.session.rows(
            `SELECT regexp_matches(x, $1) AS hit FROM (SELECT unnest([${texts.map((text) => `'${text.replaceAll("'", "''")}'`).join(", ")}]) AS x)`,
            [exact.source],
          );
          const hits = texts.filter((_, position) => found[position]!["hit"]);
          expect({ pattern: String(pattern), hits }).toEqual({
            pattern: String(pattern),
            hits: texts.filter((text) => pattern.test(text)),
          });
        }
      }),
      { numRuns: 40 },
    );
    // The law says nothing if everything is refused.
    expect(translated).toBeGreaterThan(100);
  });

  it.each(["(?=a)b", "(?<!a)b", "(a)\\1", "\\p{L}", "[^]", "a{1001}", "(a{100}){100}", "\\a", "\\ud83d"])(
    "refuses /%s/",
    (text) => {
      expect(exactPattern(new RegExp(text))).toBeNull();
    },
  );

  it.each(["m", "s", "y", "v"])("refuses the flag %s", (flag) => {
    expect(exactPattern(new RegExp("^a$", flag))).toBeNull();
  });

  it("is exact for the plain patterns of identifiers, dates and addresses", () => {
    for (const pattern of [
      /^[CA]?\d{6}$/,
      /^\d+$/,
      /^evt_[a-zA-Z0-9]{16}$/,
      /^\d{4}-\d\d-\d\d$/,
      /^(?:[a-z]+\.)*[a-z]+@[a-z]+$/,
    ]) {
      expect(exactPattern(pattern)?.exactFor).toBe("always");
    }
  });
});
