// The quarantine in memory: for tests, and the shortest description of what the port means.
import { SluiceError } from "../errors.ts";
import type {
  QuarantineGroup,
  QuarantineKey,
  QuarantineStore,
  Replay,
  ReplayedRow,
  StoredQuarantinedRow,
} from "./quarantine-store.ts";
import { createReasonCounter } from "./reason-counts.ts";

interface Held {
  readonly key: QuarantineKey;
  readonly group: QuarantineGroup;
  readonly rows: readonly StoredQuarantinedRow[];
}

export function memoryQuarantineStore(): QuarantineStore {
  const held = new Map<string, Held>();
  const replays = new Map<string, { readonly replay: Replay; readonly rows: readonly ReplayedRow[] }>();
  let lastId = 0;
  const empty = (isMeant: (place: Held) => boolean): number => {
    let dropped = 0;
    for (const [place, found] of held) {
      if (!isMeant(found)) continue;
      dropped += found.rows.length;
      held.set(place, { ...found, group: { ...found.group, rows: 0, reasons: [] }, rows: [] });
    }
    return dropped;
  };
  return {
    replace: async (key, batches) => {
      const others = [...held].filter(([, other]) => samePlace(other.key, key));
      const check = (): void => {
        if ([...held.values()].some((other) => samePlace(other.key, key) && other.key.fence > key.fence))
          throw fenced(key);
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
      for (const [name, { group }] of others) if (group.rows === 0) held.delete(name);
      const place = JSON.stringify([key.pipeline, key.step, key.partition, key.delivery]);
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
        .sort(
          (a, b) =>
            b.at - a.at ||
            compare(a.partition ?? "", b.partition ?? "") ||
            compare(a.step, b.step) ||
            compare(a.delivery, b.delivery),
        )
        .slice(0, limit),
    show: async ({ pipeline, step, partition, run, limit, after }) =>
      [...held.values()]
        .filter(
          ({ key }) =>
            key.pipeline === pipeline &&
            (partition === undefined || key.partition === partition) &&
            (step === undefined || key.step === step) &&
            (run === undefined || key.runId === run),
        )
        .flatMap(({ rows }) => rows)
        .sort((a, b) => a.id - b.id)
        .filter((row) => row.id > (after ?? 0))
        .slice(0, limit),
    drop: async ({ pipeline, step, partition, run }) =>
      empty(
        ({ key }) =>
          key.pipeline === pipeline &&
          (step === undefined || key.step === step) &&
          (partition === undefined || key.partition === partition) &&
          (run === undefined || key.runId === run),
      ),
    stage: async (replay, batches) => {
      const rows: ReplayedRow[] = [];
      for await (const batch of batches) rows.push(...batch);
      for (const [key, { replay: other }] of replays) if (samePlace(other, replay)) replays.delete(key);
      replays.set(replay.key, { replay, rows: rows.sort((a, b) => a.record - b.record) });
      return rows.length;
    },
    staged: async (key) => {
      const found = replays.get(key);
      return found === undefined ? null : { ...found.replay, rows: found.rows.length };
    },
    stagedRows: async (key, { after = 0, limit }) =>
      (replays.get(key)?.rows ?? []).filter(({ record }) => record > after).slice(0, limit),
    prune: async (before) => {
      for (const [key, { replay }] of replays) if (replay.at < before) replays.delete(key);
      return empty(({ key }) => key.at < before);
    },
    close: () => {},
  };
}

type Place = Pick<QuarantineKey, "pipeline" | "step" | "partition">;

function samePlace(a: Place, b: Place): boolean {
  return a.pipeline === b.pipeline && a.step === b.step && a.partition === b.partition;
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
