// Follows what another process does, by reading: a run, a request that becomes a run, a backfill. It asks whether
// anything was written, which costs next to nothing, and reads only then.
import { setTimeout as pause } from "node:timers/promises";
import type { BackfillRecord } from "../engine/stores/request-store.ts";
import type { AttemptLogLine, RunRecord, StoredStep } from "../engine/stores/run-store.ts";
import { SluiceError } from "../errors.ts";
import type { EngineReader, Reader } from "./reader.ts";

export interface FollowOptions {
  readonly signal: AbortSignal;
  readonly onSteps?: (run: RunRecord, steps: readonly StoredStep[]) => void;
  /** Called at each look, before it is told that the run has ended. */
  readonly onLook?: (store: EngineReader) => Promise<void>;
  readonly onLog?: (line: AttemptLogLine & { readonly position: number }) => void;
}

/** Milliseconds between two looks. */
const lookEvery = 50;
/** Milliseconds between two looks at what is there though nothing seems to have been written. */
const lookAnyway = 1_000;
/** Milliseconds that a scheduler may be away, as when it is started anew. */
const absence = 15_000;

/** Resolves when the run has ended. Rejects when the scheduler goes away, and with the signal's reason. */
export async function followRun(reader: Reader, run: RunRecord, options: FollowOptions): Promise<RunRecord> {
  let logged = 0;
  return until(reader, options.signal, async (store) => {
    const record = (await store.runByRequest(run.requestKey)) ?? run;
    if (options.onLog !== undefined) {
      for (let page = await store.logs(run.id, { after: logged, limit: 1_000 }); page.length > 0;) {
        for (const line of page) options.onLog(line);
        logged = page.at(-1)!.position;
        page = page.length < 1_000 ? [] : await store.logs(run.id, { after: logged, limit: 1_000 });
      }
    }
    await options.onLook?.(store);
    if (options.onSteps !== undefined) options.onSteps(record, await store.steps(run.id));
    return record.status === "running" ? null : record;
  });
}

/** Resolves when the request has become a run. */
export async function followRequest(reader: Reader, key: string, options: FollowOptions): Promise<RunRecord> {
  return until(reader, options.signal, (store) => store.runByRequest(key));
}

/** Resolves when the backfill has ended; tells how far it is whenever that changes. */
export async function followBackfill(
  reader: Pick<Reader, "store" | "holder">,
  id: string,
  options: { readonly signal: AbortSignal; readonly onCount: (backfill: BackfillRecord) => void },
): Promise<BackfillRecord> {
  return until(reader, options.signal, async (store) => {
    const backfill = await store.backfill(id);
    if (backfill === null)
      throw new SluiceError("NOT_FOUND", `There is no backfill "${id}"`, { hint: "See: sluice backfills" });
    options.onCount(backfill);
    return backfill.status === "running" ? null : backfill;
  });
}

/** Looks whenever something was written, until `look` finds what it looks for. */
async function until<T>(
  reader: Pick<Reader, "store" | "holder">,
  signal: AbortSignal,
  look: (store: EngineReader) => Promise<T | null>,
): Promise<T> {
  let lookedAt = 0;
  let seenAt = Date.now();
  for (;;) {
    signal.throwIfAborted();
    const store = reader.store();
    const now = Date.now();
    const changed = store.changedByOthers();
    if (changed || now - lookedAt >= lookAnyway) {
      const found = await look(store);
      if (found !== null) return found;
      if (changed || reader.holder() !== null) seenAt = now;
      lookedAt = now;
    }
    if (now - seenAt > absence) {
      throw new SluiceError("WORKER_LOST", "The process that worked on it has ended, and no other has taken over", {
        retryable: true,
        hint: "It goes on when one does: sluice serve",
      });
    }
    await pause(lookEvery, undefined, { signal }).catch(() => {});
  }
}
