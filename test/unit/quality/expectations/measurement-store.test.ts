// Both stores of measurements, and that the file outlives the process that wrote it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openMeasurementStore } from "../../../../src/adapters/sqlite/measurement-store.ts";
import { memoryMeasurementStore } from "../../../../src/quality/expectations/memory-measurement-store.ts";
import { testMeasurementStore } from "../../../conformance/measurement-store.ts";

testMeasurementStore({ name: "in memory", create: () => ({ store: memoryMeasurementStore(), dispose: () => {} }) });
testMeasurementStore({
  name: "SQLite",
  create: () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-measurements-"));
    const dispose = (): void => rmSync(folder, { recursive: true, force: true });
    return { store: openMeasurementStore(join(folder, "measurements.db")), dispose };
  },
});

it("measurements in SQLite are there when the file is opened again, and can be read meanwhile", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-measurements-"));
  const path = join(folder, "measurements.db");
  const store = openMeasurementStore(path);
  await store.record({ pipeline: "p", step: "s", series: "", place: "a", at: 1, runId: "r", fence: 1 }, [
    { measurement: "m", value: 3 },
  ]);
  const reader = openMeasurementStore(path, { readOnly: true });
  const filter = { pipeline: "p", step: "s", series: "", measurement: "m", limit: 5 };
  expect(await reader.past(filter)).toEqual([{ place: "a", at: 1, runId: "r", value: 3 }]);
  reader.close();
  store.close();
  rmSync(folder, { recursive: true, force: true });
});
