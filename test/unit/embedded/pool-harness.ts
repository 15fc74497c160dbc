// A worker pool of real processes on a project of its own, and attempts for it as a scheduler would make them.
import { openWorkerPool, type WorkerPool, type WorkerPoolOptions } from "../../../src/embedded/worker-pool.ts";
import type { Assignment, AttemptEnd, HookNotice, Outcome } from "../../../src/engine/attempts/executor.ts";
import type { LogLine } from "../../../src/log.ts";
import { sourceProject, type SourceProject } from "./source-project.ts";

export interface PoolHarness {
  readonly project: SourceProject;
  readonly pool: WorkerPool;
  /** Runs an attempt to its end. */
  run(step: string, options?: AttemptOptions): Promise<AttemptEnd>;
  /** Its output; throws when it has not succeeded. */
  output(step: string, options?: AttemptOptions): Promise<unknown>;
  notice(notice: Partial<HookNotice>): Promise<Awaited<ReturnType<WorkerPool["notify"]>>>;
  close(): Promise<void>;
}

export interface AttemptOptions extends Partial<Assignment> {
  readonly signal?: AbortSignal;
  readonly lines?: LogLine[];
}

export async function poolHarness(
  files: Readonly<Record<string, string>>,
  options: Partial<WorkerPoolOptions> = {},
): Promise<PoolHarness> {
  const project = sourceProject(files);
  const pool = await openWorkerPool({
    configPath: project.configPath,
    homeFolder: project.home,
    ...options,
  }).catch((error: unknown) => {
    project.remove();
    throw error;
  });
  const planOf = (pipeline: string) => pool.project.plans.find((plan) => plan.pipeline === pipeline)!;
  const run: PoolHarness["run"] = (step, { signal, lines, ...changes } = {}) => {
    const pipeline = changes.pipeline ?? "steps";
    const assignment: Assignment = {
      runId: `${pipeline}-1`,
      pipeline,
      version: planOf(pipeline)?.version ?? "none",
      partition: null,
      params: null,
      step,
      item: null,
      attempt: 1,
      fence: 1_000_001,
      idempotencyKey: "key",
      outputs: {},
      timeoutMs: null,
      ...changes,
    };
    return pool.run(assignment, signal ?? new AbortController().signal, (line) => lines?.push(line));
  };
  return {
    project,
    pool,
    run,
    output: async (step, attempt) => outputOf((await run(step, attempt)).outcome),
    notice: (changes) => {
      const pipeline = changes.pipeline ?? "steps";
      const notice: HookNotice = {
        key: "notice-1",
        event: "failure",
        level: "pipeline",
        runId: `${pipeline}-1`,
        pipeline,
        version: planOf(pipeline)?.version ?? "none",
        partition: null,
        params: null,
        step: null,
        item: null,
        attempt: null,
        status: "failed",
        error: null,
        at: 1_000,
        ...changes,
      };
      return pool.notify(notice, new AbortController().signal);
    },
    close: async () => {
      await pool.close();
      project.remove();
    },
  };
}

export function outputOf(outcome: Outcome): unknown {
  if (outcome.type === "succeeded") return outcome.output;
  throw new Error(`It has not succeeded: ${JSON.stringify(outcome)}`);
}
