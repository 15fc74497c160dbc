// Gathers, from the stores, what the metrics and the status page show.
import type { MonitoredState } from "../monitor/metrics.ts";
import type { Reader } from "./reader.ts";

export async function readMonitoredState(reader: Reader): Promise<Omit<MonitoredState, "version">> {
  const indexes = reader.indexes();
  const quarantine = new Map<string, { pipeline: string; step: string; rows: number }>();
  for (const { pipeline, step, rows } of await reader.quarantine()) {
    const key = JSON.stringify([pipeline, step]);
    quarantine.set(key, { pipeline, step, rows: rows + (quarantine.get(key)?.rows ?? 0) });
  }
  return {
    schedulerActive: reader.holder() !== null,
    statistics: await reader.runs().statistics(),
    quarantine: [...quarantine.values()],
    views: await reader.views(),
    indexes: await Promise.all(indexes.map(async (index) => ({ index, ...(await reader.indexSize(index)) }))),
  };
}
