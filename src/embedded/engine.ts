// The embedded host, assembled: the state folder with its lock, the SQLite run store, the worker pool and the
// scheduler. One open engine per state folder.
import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import { openRunStore } from "../adapters/sqlite/run-store.ts";
import { systemClock } from "../clock.ts";
import { homeFolder } from "../config.ts";
import { SluiceError } from "../errors.ts";
import { runBackfill, type BackfillResult } from "../engine/backfill.ts";
import type { AttemptLogLine, RunRecord, RunStore } from "../engine/run-store.ts";
import { createScheduler, type FinishedRun } from "../engine/scheduler.ts";
import type { RunState } from "../engine/state.ts";
import type { Plan } from "../pipeline/plan.ts";
import { partitionAt } from "../pipeline/partition.ts";
import { homeAt, lockHome, type Home } from "./home.ts";
import { openWorkerPool } from "./worker-pool.ts";

export interface EngineOptions {
  /** Path of the project's configuration file. */
  readonly configPath: string;
  /** The command as it was typed: shown to whoever finds the folder locked. */
  readonly command: string;
  readonly onChange?: (run: RunRecord, state: RunState) => void;
  readonly onLog?: (line: AttemptLogLine) => void;
}

export interface Engine {
  readonly home: Home;
  readonly store: RunStore;
  readonly plans: ReadonlyMap<string, Plan>;
  /** How many runs of an earlier process are being finished. */
  readonly recovered: number;
  /** Runs a pipeline once. A run of the same pipeline and partition that was left unfinished is finished instead. */
  run(pipeline: string, partition: string | null): Promise<FinishedRun>;
  backfill(
    pipeline: string,
    range: { from: string; to: string; parallel?: number; reprocess?: boolean },
  ): Promise<BackfillResult>;
  /** Cancels everything under way. */
  cancel(reason: string): void;
  close(): Promise<void>;
}

export async function openEngine(options: EngineOptions): Promise<Engine> {
  const home = homeAt(homeFolder(dirname(options.configPath)));
  const lock = lockHome(home, options.command);
  const closers: (() => void | Promise<void>)[] = [lock.release];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.reverse()) await close();
  };
  try {
    const store = openRunStore(home.state);
    closers.push(store.close);
    const pool = await openWorkerPool({ configPath: options.configPath, homeFolder: home.folder });
    closers.push(pool.close);
    const scheduler = createScheduler({
      store,
      executor: pool,
      clock: systemClock,
      randomId,
      ...(options.onChange === undefined ? {} : { onChange: options.onChange }),
      ...(options.onLog === undefined ? {} : { onLog: options.onLog }),
    });
    closers.push(scheduler.stop);
    const plans = new Map(pool.project.plans.map((plan) => [plan.pipeline, plan]));
    for (const plan of plans.values()) await store.savePlan(plan);
    const unfinished = await store.unfinishedRuns();
    const finishing = await scheduler.recover(new Map([...plans.values()].map((plan) => [plan.version, plan])));
    const recovered = new Map(unfinished.map((run, position) => [run.record.id, finishing[position]!]));
    // A promise nobody awaits yet must not bring the process down; whoever asks for it hears of the failure.
    for (const promise of finishing) promise.catch(() => {});
    const interrupted = new AbortController();
    const settled = async (): Promise<void> => void (await Promise.allSettled(finishing));
    return {
      home,
      store,
      plans,
      recovered: unfinished.length,
      run: async (pipeline, partition) => {
        const plan = planNamed(plans, pipeline);
        checkPartition(plan, partition);
        const same = unfinished.find(
          ({ record }) =>
            record.pipeline === pipeline && record.partition === partition && record.version === plan.version,
        );
        const finished = await (same === undefined
          ? scheduler.start({ plan, partition, backfill: null })
          : recovered.get(same.record.id)!);
        await settled();
        return finished;
      },
      backfill: async (pipeline, { from, to, parallel, reprocess }) => {
        const plan = planNamed(plans, pipeline);
        if (plan.partitions === null) {
          throw new SluiceError("USAGE", `Pipeline "${pipeline}" has no partitions to backfill`, {
            hint: `Use: sluice run ${pipeline}`,
          });
        }
        const result = await runBackfill(
          // Twice as many runs as workers: while one run commits, another's step keeps the worker busy.
          { plan, from, to, parallel: parallel ?? pool.size * 2, reprocess: reprocess ?? false },
          { store, scheduler, clock: systemClock, randomId, recovered, signal: interrupted.signal },
        );
        await settled();
        return result;
      },
      cancel: (reason) => {
        interrupted.abort(reason);
        scheduler.cancelAll(reason);
      },
      close: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

function planNamed(plans: ReadonlyMap<string, Plan>, name: string): Plan {
  const plan = plans.get(name);
  if (plan !== undefined) return plan;
  throw new SluiceError("NOT_FOUND", `There is no pipeline "${name}" in pipelines/`, {
    hint: plans.size === 0 ? "The folder pipelines/ defines none." : `There are ${[...plans.keys()].join(", ")}.`,
  });
}

function checkPartition(plan: Plan, partition: string | null): void {
  if (plan.partitions === null && partition !== null) {
    throw new SluiceError("USAGE", `Pipeline "${plan.pipeline}" has no partitions`, { hint: "Leave --partition out." });
  }
  if (plan.partitions !== null && partition === null) {
    throw new SluiceError("USAGE", `Pipeline "${plan.pipeline}" needs a partition`, {
      hint: `Add --partition, such as --partition ${plan.partitions.from}.`,
    });
  }
  if (plan.partitions !== null && partition !== null) partitionAt(plan.partitions, partition);
}

function randomId(): string {
  return randomBytes(4).toString("hex");
}
