// The table of other tools' names is what the code is: every expectation is in it, and every one of Great Expectations'
// is translated to the one that the table says.
import { expect, it } from "vitest";
import { expectationNames } from "../../../../scripts/docs/expectation-names.ts";
import { sentences } from "../../../../scripts/docs/expectations-page.ts";
import { translations } from "../../../../scripts/suites/gx/translate.ts";
import * as quality from "../../../../src/quality/index.ts";

/** ExpectColumnKLDivergenceToBeLessThan -> expect_column_kl_divergence_to_be_less_than */
const snake = (name: string): string =>
  name
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1_$2")
    .toLowerCase();

it("names every expectation that the package has, once, each with a sentence of its own", () => {
  const ours = expectationNames.map((entry) => entry.ours);
  expect(new Set(ours).size).toBe(ours.length);
  const said = sentences();
  for (const name of ours) {
    expect([name, typeof (quality as Record<string, unknown>)[name]]).toEqual([name, "function"]);
    expect([name, (said.get(name) ?? "").length > 15]).toEqual([name, true]);
  }
  const made = [...said.keys()].filter((name) => name in quality);
  expect(made.filter((name) => !ours.includes(name))).toEqual([]);
});

it("has the name of each of Great Expectations' beside the one that the replay puts in its place", () => {
  const theirs = expectationNames.flatMap(({ ours, gx = [] }) => gx.map((name) => [snake(name), ours] as const));
  expect(theirs.map(([name]) => name).sort()).toEqual(Object.keys(translations).sort());
  for (const [name, ours] of theirs) {
    expect([name, String(translations[name]).includes(`.${ours}(`)]).toEqual([name, true]);
  }
  // The 57 of its core, and four of its gallery.
  expect(theirs.length).toBe(57 + 4);
});
