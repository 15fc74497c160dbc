import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { suite } from "../../../scripts/suites/json-schema.ts";

const folder = fileURLToPath(new URL("../../../../shared/suites/json-schema-2020-12/", import.meta.url));

describe.skipIf(!existsSync(folder))("JSON Schema's own cases (needs ../shared/suites/json-schema-2020-12)", () => {
  it("has row validator and columnar compiler agree with each other and with the suite", async () => {
    const cases = await suite(folder);
    expect(cases.filter(({ outcome }) => outcome === "failed")).toEqual([]);
    // Skipped are groups whose schemas are refused when the contract is made.
    expect(cases.filter(({ outcome }) => outcome === "passed").length).toBeGreaterThan(1000);
    expect(
      new Set(cases.flatMap(({ outcome, reason }) => (outcome === "skipped" ? [reason.slice(0, 17)] : []))),
    ).toEqual(new Set(['Contract "suite":']));
  }, 60_000);
});
