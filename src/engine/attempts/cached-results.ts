// Results of earlier runs in place of attempts: before an attempt of a step that keeps its results is started, its result
// is looked for under the hash of what it depends on.
import type { Clock } from "../../clock.ts";
import type { PlanStep } from "../../pipeline/plan.ts";
import type { ActiveRun } from "../scheduler/active-runs.ts";
import { outputsFor } from "./assignment.ts";
import { cacheKey } from "./cache-key.ts";
import type { KeptStore } from "../scheduler/kept-store.ts";
import type { AttemptKey, RunEvent } from "../state-machine/state.ts";

export interface CachedResultsOptions {
  readonly store: Pick<KeptStore, "cached">;
  readonly clock: Clock;
  readonly push: (run: ActiveRun, event: RunEvent) => void;
  /** There is no such result: the attempt is to be made, and what comes of it kept under this key. */
  readonly missing: (run: ActiveRun, key: AttemptKey, cacheKey: string) => void;
  readonly failed: (error: unknown) => void;
  readonly idled: () => void;
}

export interface CachedResults {
  look(run: ActiveRun, planned: PlanStep, key: AttemptKey): void;
  readonly idle: boolean;
}

export function createCachedResults(options: CachedResultsOptions): CachedResults {
  let looking = 0;

  async function look(run: ActiveRun, planned: PlanStep, key: AttemptKey): Promise<void> {
    const { pipeline, partition, params, rerunOf } = run.record;
    const name = cacheKey(planned, { pipeline, partition, params, outputs: outputsFor(run, planned) }, key.item);
    const ttlMs = planned.cache?.ttlMs ?? null;
    const since = ttlMs === null ? 0 : options.clock.now() - ttlMs;
    // Who runs a step again wants it to be run.
    const found = rerunOf === null ? await options.store.cached(name, since) : null;
    if (found === null) return options.missing(run, key, name);
    const { step, item, epoch } = key;
    const { output, rows, runId } = found;
    // No asset is brought up to date by that.
    options.push(run, { type: "attempt-succeeded", step, item, epoch, output, rows, assets: [], cachedFrom: runId });
  }

  return {
    look: (run, planned, key) => {
      looking += 1;
      look(run, planned, key)
        .catch(options.failed)
        .finally(() => {
          looking -= 1;
          if (looking === 0) options.idled();
        });
    },
    get idle() {
      return looking === 0;
    },
  };
}
