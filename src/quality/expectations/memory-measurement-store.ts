// The measurements in memory: for tests, and the shortest description of what the port means.
import { SluiceError } from "../../errors.ts";
import type { Measurement, MeasurementKey, MeasurementStore } from "./measurement-store.ts";

export function memoryMeasurementStore(): MeasurementStore {
  const places = new Map<string, { readonly key: MeasurementKey; readonly measurements: readonly Measurement[] }>();
  return {
    record: async (key, measurements) => {
      const name = JSON.stringify([key.pipeline, key.step, key.series, key.place]);
      if ((places.get(name)?.key.fence ?? 0) > key.fence) throw overtaken(key);
      places.set(name, structuredClone({ key, measurements }));
    },
    past: async ({ pipeline, step, series, measurement, before = Infinity, limit }) =>
      [...places.values()]
        .filter(({ key }) => key.pipeline === pipeline && key.step === step && key.series === series && key.at < before)
        .sort((a, b) => b.key.at - a.key.at || (a.key.place < b.key.place ? 1 : -1))
        .flatMap(({ key: { place, at, runId }, measurements }) =>
          measurements
            .filter((item) => item.measurement === measurement)
            .map(({ value }) => ({ place, at, runId, value })),
        )
        .slice(0, limit),
    close: () => {},
  };
}

/** The error of a writer that a newer one has overtaken. */
function overtaken({ pipeline, step, place, runId, fence }: MeasurementKey): SluiceError {
  return new SluiceError(
    "FENCED",
    `A newer run has recorded what step "${step}" measured at ${place}; this one recorded nothing`,
    {
      details: { pipeline, step, place, runId, fence },
    },
  );
}
