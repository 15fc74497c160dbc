// One attempt, in a worker: the code of the step is found, given its inputs and run, and what came of it is told.
import { createLog, type Log, type LogLine, type Redactor } from "../log.ts";
import { systemClock } from "../clock.ts";
import { plainLine } from "../engine/attempts/attempt-end.ts";
import type { Assignment, Outcome } from "../engine/attempts/executor.ts";
import { createLogLimit } from "../engine/attempts/log-limit.ts";
import { SluiceError, toFailure, type Failure } from "../errors.ts";
import { partitionAt, type Partition } from "../pipeline/partition.ts";
import type { Pipeline, RunCode } from "../pipeline/pipeline.ts";
import type { RetryVerdict } from "../pipeline/retry.ts";
import type { StepContext, StepSpec } from "../pipeline/step.ts";
import { after, before, faultAt, type Fault } from "./faults.ts";
import type { Project } from "./project.ts";
import type { Services } from "./services.ts";
import { outputReader, spilled } from "./spilled-output.ts";

export interface AttemptOptions {
  readonly project: Project;
  readonly services: Services;
  readonly redactor: Redactor;
  readonly faults: readonly Fault[];
}

/** What one attempt is handed. */
export interface AttemptCall {
  readonly assignment: Assignment;
  /** Outputs that other attempts see, too, by the name of their step. */
  readonly shared: ReadonlyMap<string, unknown>;
  readonly signal: AbortSignal;
  readonly onLog: (line: LogLine) => void;
}

/** What runs attempts of a project; it never rejects. */
export type AttemptRunner = (call: AttemptCall) => Promise<Outcome>;

export function attemptRunner({ project, services, redactor, faults }: AttemptOptions): AttemptRunner {
  const codeOf = recentCode();
  const outputs = outputReader(services.artifacts);

  const inputsOf = async (spec: StepSpec<unknown, Services>, { assignment, shared }: AttemptCall) => {
    const inputs: Record<string, unknown> = {};
    for (const [name, { step }] of Object.entries(spec.inputs)) {
      const value = shared.has(step) ? shared.get(step) : (assignment.outputs[step] ?? null);
      // All items of a mapped step have the same inputs: they are read once.
      inputs[name] = await (spec.control?.type === "map" ? outputs.readShared(value) : outputs.read(value));
    }
    return inputs;
  };

  const execute = async (code: Code, call: AttemptCall): Promise<Outcome> => {
    const { assignment, signal } = call;
    const spec = code.specs.get(assignment.step) as StepSpec<unknown, Services> | undefined;
    if (spec === undefined) throw changed(assignment.pipeline);
    const fault = faults.length === 0 ? null : faultAt(faults, assignment);
    if (fault !== null) await before(fault, signal);
    let log: Log | null = null;
    const context: StepContext = {
      runId: assignment.runId,
      pipeline: assignment.pipeline,
      step: assignment.step,
      partition: code.partition,
      params: assignment.params,
      item: assignment.item,
      attempt: assignment.attempt,
      fence: assignment.fence,
      idempotencyKey: assignment.idempotencyKey,
      inputs: await inputsOf(spec, call),
      signal,
      get log() {
        return (log ??= createLog(limited(call.onLog), systemClock.now, redactor));
      },
      clock: systemClock,
      folder: project.folder,
    };
    const { output, rows, assets, unmet } = await spec.execute(context, services);
    const outcome: Outcome =
      unmet === true
        ? { type: "unmet" }
        : {
            type: "succeeded",
            output: await spilled(assignment.step, output, services.artifacts),
            rows: rows ?? null,
            assets: assets ?? [],
          };
    if (fault !== null) after(fault);
    return outcome;
  };

  return async (call) => {
    const { assignment } = call;
    let verdict: RetryVerdict | undefined;
    try {
      const pipeline = project.pipelines.get(assignment.pipeline);
      if (pipeline === undefined || pipeline.plan.version !== assignment.version) throw changed(assignment.pipeline);
      const code = codeOf(pipeline, assignment);
      verdict = code.retryable.get(assignment.step);
      return await execute(code, call);
    } catch (thrown) {
      const failure = judged(toFailure(thrown), thrown, call.signal.aborted ? undefined : verdict);
      return { type: "failed", error: redactor.value(failure) };
    }
  };
}

/** What the scheduler would not keep, it is not sent. */
function limited(onLog: (line: LogLine) => void): (line: LogLine) => void {
  const limit = createLogLimit();
  return (line) => {
    const kept = limit(plainLine(line));
    if (kept !== null) onLog(kept);
  };
}

/** The failure with the word of the step's own verdict on whether it is worth another try. */
function judged(failure: Failure, thrown: unknown, verdict: RetryVerdict | undefined): Failure {
  if (verdict === undefined) return failure;
  try {
    return { ...failure, retryable: verdict(failure, thrown) === true };
  } catch {
    return { ...failure, retryable: true };
  }
}

function changed(pipeline: string): SluiceError {
  return new SluiceError("CONFIG_INVALID", `Pipeline "${pipeline}" was changed while it was running`, {
    hint: "Run it again: that runs the new version.",
  });
}

interface Code extends RunCode {
  readonly partition: Partition | null;
}

/** Steps of so many are kept, in all runs. */
const stepsKept = 20_000;

/** The code of the runs met last, so that a pipeline is not described anew for each attempt. */
function recentCode(): (pipeline: Pipeline, run: Pick<Assignment, "partition" | "params">) => Code {
  const kept = new Map<string, Code>();
  let steps = 0;
  return (pipeline, { partition, params }) => {
    const name = JSON.stringify([pipeline.name, partition, params]);
    const known = kept.get(name);
    if (known !== undefined) return known;
    const code: Code = {
      ...pipeline.code(partition, params),
      partition:
        partition === null || pipeline.partitions === null ? null : partitionAt(pipeline.partitions, partition),
    };
    kept.set(name, code);
    steps += code.specs.size;
    for (const [oldest, { specs }] of kept) {
      if (steps <= stepsKept || kept.size === 1) break;
      kept.delete(oldest);
      steps -= specs.size;
    }
    return code;
  };
}
