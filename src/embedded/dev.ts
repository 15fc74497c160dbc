// Reloads the project's definitions whenever a file is saved. Runs under way keep the version they began with; a file
// that can't be loaded leaves the version before in place.
import { dirname } from "node:path";
import { toFailure, type Failure } from "../errors.ts";
import { planDiff, type PlanChange } from "../pipeline/plan-diff.ts";
import type { Plan } from "../pipeline/plan.ts";
import type { Engine } from "./engine.ts";
import { watchFiles } from "./watch-files.ts";

/** What a reload has changed, by pipeline. */
export interface Reloaded {
  readonly files: readonly string[];
  readonly ms: number;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly { readonly pipeline: string; readonly changes: readonly PlanChange[] }[];
}

export interface DevOptions {
  readonly engine: Engine;
  readonly configPath: string;
  readonly onReload: (reloaded: Reloaded) => void;
  /** What was saved can't be loaded. */
  readonly onFailure: (failure: Failure, files: readonly string[]) => void;
}

export interface Dev {
  /** Stops watching, and waits for a reload under way. */
  close(): Promise<void>;
}

export function startDev({ engine, configPath, onReload, onFailure }: DevOptions): Dev {
  let saved: string[] = [];
  let reloading: Promise<void> | null = null;
  const stopped = new AbortController();
  const { signal } = stopped;

  const reload = async (): Promise<void> => {
    while (saved.length > 0 && !signal.aborted) {
      const files = saved;
      saved = [];
      const before = new Map(engine.plans);
      const startedAt = performance.now();
      try {
        await engine.reload();
        if (!signal.aborted) onReload({ files, ms: performance.now() - startedAt, ...compare(before, engine.plans) });
      } catch (error) {
        if (!signal.aborted) onFailure(toFailure(error), files);
      }
    }
    reloading = null;
  };
  const watch = watchFiles({
    folder: dirname(configPath),
    without: [engine.home.folder],
    onChange: (files) => {
      saved.push(...files);
      reloading ??= reload();
    },
  });
  return {
    close: async () => {
      stopped.abort();
      watch.close();
      await reloading;
    },
  };
}

type Plans = ReadonlyMap<string, Plan>;

function compare(before: Plans, after: Plans): Pick<Reloaded, "added" | "removed" | "changed"> {
  return {
    added: [...after.keys()].filter((name) => !before.has(name)),
    removed: [...before.keys()].filter((name) => !after.has(name)),
    changed: [...after].flatMap(([pipeline, plan]) => {
      const known = before.get(pipeline);
      return known === undefined || known.version === plan.version
        ? []
        : [{ pipeline, changes: planDiff(known, plan) }];
    }),
  };
}
