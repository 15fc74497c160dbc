// The quarantine in memory: for tests, and the shortest description of what the port means.
import { SluiceError } from "../errors.ts";
import type { QuarantineGroup, QuarantineKey, QuarantineStore, StoredQuarantinedRow } from "./quarantine-store.ts";
import { createReasonCounter } from "./reason-counts.ts";

interface Held {
  readonly key: QuarantineKey;
  readonly group: QuarantineGroup;
  readonly rows: readonly StoredQuarantinedRow[];
}

export function memoryQuarantineStore(): QuarantineStore {
  const held = new Map<string, Held>();
  let lastId = 0;
  return {
    replace: async (key, batches) => {
      const place = JSON.stringify([key.pipeline, key.step, key.partition]);
      const check = (): void => {
        const newest = held.get(place)?.key.fence ?? 0;
        if (newest > key.fence) throw fenced(key);
      };
      check();
      const counter = createReasonCounter();
      const rows: StoredQuarantinedRow[] = [];
      for await (const batch of batches) {
        for (const row of batch) {
          counter.add(row.reasons);
          rows.push({ ...row, id: 0, step: key.step, partition: key.partition, runId: key.runId });
        }
      }
      check();
      const { fence: _, ...rest } = key;
      const stored = rows.map((row) => ({ ...row, id: (lastId += 1) }));
      held.set(place, { key, group: { ...rest, rows: rows.length, reasons: counter.counts() }, rows: stored });
      return rows.length;
    },
    list: async ({ pipeline, partition, limit }) =>
      [...held.values()]
        .map(({ group }) => group)
        .filter((group) => group.rows > 0)
        .filter(
          (group) =>
            (pipeline === undefined || group.pipeline === pipeline) &&
            (partition === undefined || group.partition === partition),
        )
        .sort((a, b) => b.at - a.at || compare(a.partition ?? "", b.partition ?? "") || compare(a.step, b.step))
        .slice(0, limit),
    show: async ({ pipeline, step, partition, limit, after }) =>
      [...held.values()]
        .filter(
          ({ key }) =>
            key.pipeline === pipeline &&
            (partition === undefined || key.partition === partition) &&
            (step === undefined || key.step === step),
        )
        .flatMap(({ rows }) => rows)
        .sort((a, b) => a.id - b.id)
        .filter((row) => row.id > (after ?? 0))
        .slice(0, limit),
    close: () => {},
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The error of a writer that a newer one has overtaken. */
function fenced(key: QuarantineKey): SluiceError {
  const partition = key.partition === null ? "" : ` of partition ${key.partition}`;
  return new SluiceError(
    "FENCED",
    `A newer run has written the quarantine of step "${key.step}"${partition}; this one wrote nothing`,
    {
      details: { pipeline: key.pipeline, step: key.step, partition: key.partition, runId: key.runId, fence: key.fence },
    },
  );
}
