// Great Expectations' own cases, replayed; and that the replay would notice a case that comes out otherwise.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { suite } from "../../../../scripts/suites/gx-expectations.ts";

const cases = fileURLToPath(new URL("../../../../../shared/suites/gx-expectations", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "sluice-gx-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!existsSync(cases))("Great Expectations' cases (needs ../shared/suites/gx-expectations)", () => {
  it("pass, all that apply", async () => {
    const outcomes = await suite(cases);
    expect(outcomes.filter(({ outcome }) => outcome === "failed")).toEqual([]);
    expect(outcomes.filter(({ outcome }) => outcome === "passed").length).toBeGreaterThan(350);
    expect(outcomes.filter(({ outcome }) => outcome === "skipped").map(({ reason }) => reason)).toEqual(
      outcomes
        .filter(({ outcome }) => outcome === "skipped")
        .map(() => expect.stringMatching(/^runs (?:on .* only|nowhere)$/)),
    );
  });

  it("fail when they are turned around", async () => {
    for (const name of [
      "column_map/expect_column_values_to_be_between.json",
      "column_aggregate/expect_column_mean_to_be_between.json",
      "column_distributional/expect_column_kl_divergence_to_be_less_than.json",
      "multicolumn_map/expect_compound_columns_to_be_unique.json",
    ]) {
      const text = readFileSync(join(cases, name), "utf8");
      const turned = text.replace(/"success":\s*(true|false)/g, (_, value) => `"success": ${value !== "true"}`);
      writeFileSync(join(folder, "turned.json"), turned);
      const outcomes = await suite(join(folder, "turned.json"));
      const straight = (await suite(join(cases, name))).filter(({ outcome }) => outcome === "passed");
      const kept = outcomes.filter(({ outcome }) => outcome === "passed").length;
      // Left are those that expect a refusal, or name no verdict.
      expect([name, kept < straight.length / 2]).toEqual([name, true]);
    }
  });
});
