import { describe, expect, it } from "vitest";
import type { StepContext } from "../../../src/pipeline/step.ts";
import { gate, type GateOptions } from "../../../src/quality/index.ts";

function run(options: GateOptions, offered: number, loaded: number, quarantined = 0): Promise<unknown> {
  const inputs = { loaded: { kind: "load-result", asset: "warehouse.sales", offered, loaded, quarantined } };
  return gate({ step: "loaded" }, options).execute({ inputs } as unknown as StepContext, undefined);
}

describe("a gate", () => {
  it("lets a load pass that meets its conditions, and reports what it saw", async () => {
    expect(await run({ loadedRatio: 0.95, minRows: 95 }, 100, 95)).toEqual({
      output: { asset: "warehouse.sales", offered: 100, loaded: 95, loadedRatio: 0.95 },
    });
  });

  it.each([
    [{ loadedRatio: 0.95 }, 10_000, 9_499, "9499 of 10000 offered rows were loaded (94.99 %), fewer than 95 %"],
    [
      { loadedRatio: 0.95 },
      1_000_000,
      949_999,
      "949999 of 1000000 offered rows were loaded (94.999 %), fewer than 95 %",
    ],
    [{ minRows: 100 }, 99, 99, "99 rows were loaded, fewer than 100"],
    [{ minRows: 1 }, 0, 0, "no rows were offered"],
  ])("closes on %j for %i offered and %i loaded", async (options, offered, loaded, what) => {
    await expect(run(options, offered, loaded)).rejects.toMatchObject({
      code: "GATE_CLOSED",
      retryable: false,
      message: `The gate on warehouse.sales is closed: ${what}`,
    });
  });

  it("passes an empty load only if told so, whatever its other conditions", async () => {
    await expect(run({ loadedRatio: 0.95 }, 0, 0)).rejects.toMatchObject({ code: "GATE_CLOSED" });
    expect(await run({ loadedRatio: 0.95, minRows: 100, whenEmpty: "pass" }, 0, 0)).toMatchObject({
      output: { loadedRatio: 1 },
    });
  });

  it("does not take a load for empty whose rows were all quarantined", async () => {
    await expect(run({ minRows: 1, whenEmpty: "pass" }, 0, 0, 3)).rejects.toMatchObject({
      code: "GATE_CLOSED",
      message: "The gate on warehouse.sales is closed: no row is valid, all 3 were quarantined",
    });
  });

  it("refuses conditions that make no sense", () => {
    for (const options of [{}, { loadedRatio: 1.5 }, { loadedRatio: Number.NaN }, { minRows: -1 }, { minRows: 1.5 }]) {
      expect(() => gate({ step: "loaded" }, options)).toThrow(expect.objectContaining({ code: "DEFINITION_INVALID" }));
    }
  });
});
