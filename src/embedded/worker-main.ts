// The worker process: loads the project, then runs the attempts it is given, one at a time. Whatever the user's code
// or a native library does here costs this process at most.
import { dirname } from "node:path";
import { isReference, isSecret, resolveSetting } from "../config.ts";
import { SluiceError, toFailure } from "../errors.ts";
import type { Assignment } from "../engine/executor.ts";
import { createLog, createRedactor } from "../log.ts";
import { systemClock } from "../clock.ts";
import type { StepSpec } from "../pipeline/step.ts";
import { partitionAt, type Partition } from "../pipeline/partition.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { homeAt } from "./home.ts";
import type { FromWorker, LoadedProject, ToWorker, WorkerStart } from "./messages.ts";
import { endWithParent } from "./orphan-watch.ts";
import { loadProject, type Project } from "./project.ts";
import { createServices, type Services } from "./services.ts";

const start = JSON.parse(process.argv[2]!) as WorkerStart;
const redactor = createRedactor();
let stop: ((reason: unknown) => void) | null = null;

// The scheduler decides when a worker ends: an interrupt typed at the terminal reaches the whole group, and a
// scheduler that is gone takes its workers with it.
process.on("SIGINT", () => {});
process.on("disconnect", () => process.exit(0));
endWithParent();

void main();

async function main(): Promise<void> {
  let project: Project;
  try {
    project = await loadProject(start.configPath);
  } catch (error) {
    send({ type: "load-failed", failure: redactor.value(toFailure(error)) });
    return;
  }
  hideSecrets(
    [project.config.connections, ...[...project.pipelines.values()].map((pipeline) => pipeline.plan)],
    project.folder,
  );
  const services = createServices({
    home: homeAt(start.homeFolder),
    folder: project.folder,
    memory: start.memory,
    redactor,
  });
  process.on("message", (message: ToWorker) => {
    if (message.type === "stop") stop?.(new SluiceError("CANCELLED", "The attempt was stopped"));
    else void run(project, services, message.assignment);
  });
  send({ type: "loaded", project: describe(project) });
}

/** Teaches the redactor every secret the project refers to: user code may come by one before a connection resolves it. */
function hideSecrets(value: unknown, folder: string): void {
  if (isReference(value)) {
    if (!isSecret(value)) return;
    try {
      redactor.add(resolveSetting(value, folder));
    } catch {
      // It has no value here; whoever needs it will say so.
    }
  } else if (typeof value === "object" && value !== null) {
    for (const item of Object.values(value)) hideSecrets(item, folder);
  }
}

async function run(project: Project, services: Services, assignment: Assignment): Promise<void> {
  const controller = new AbortController();
  stop = (reason) => {
    controller.abort(reason);
    services.interrupt();
  };
  try {
    const result = await execute(project, services, assignment, controller.signal);
    send({ type: "succeeded", result });
  } catch (error) {
    send({ type: "failed", failure: redactor.value(toFailure(error)) });
  } finally {
    stop = null;
  }
}

async function execute(project: Project, services: Services, assignment: Assignment, signal: AbortSignal) {
  const pipeline = project.pipelines.get(assignment.pipeline);
  if (pipeline === undefined || pipeline.plan.version !== assignment.version) {
    throw new SluiceError("CONFIG_INVALID", `Pipeline "${assignment.pipeline}" was changed while it was running`, {
      hint: "Give the command again: it runs the new version.",
    });
  }
  const { specs, partition } = described(pipeline, assignment.partition);
  const spec = specs.get(assignment.step)! as StepSpec<unknown, Services>;
  return spec.execute(
    {
      runId: assignment.runId,
      pipeline: assignment.pipeline,
      step: assignment.step,
      partition,
      attempt: assignment.attempt,
      fence: assignment.fence,
      idempotencyKey: assignment.idempotencyKey,
      inputs: Object.fromEntries(
        Object.entries(spec.inputs).map(([name, handle]) => [name, assignment.outputs[handle.step]]),
      ),
      signal,
      log: createLog((line) => send({ type: "log", line }), systemClock.now, redactor),
      clock: systemClock,
      folder: dirname(start.configPath),
    },
    services,
  );
}

interface Described {
  readonly specs: ReturnType<Pipeline["specs"]>;
  readonly partition: Partition | null;
}

/** The runs described last; the steps of a run mostly come to the same worker one after the other. */
const recent = new Map<string, Described>();

function described(pipeline: Pipeline, key: string | null): Described {
  const name = `${pipeline.name} ${key}`;
  const known = recent.get(name);
  if (known !== undefined) return known;
  if (recent.size >= 32) recent.delete(recent.keys().next().value!);
  const made = { specs: pipeline.specs(key), partition: key === null ? null : partitionAt(pipeline.partitions!, key) };
  recent.set(name, made);
  return made;
}

function describe(project: Project): LoadedProject {
  return {
    plans: [...project.pipelines.values()].map((pipeline) => pipeline.plan),
    files: Object.fromEntries(project.files),
    connections: Object.fromEntries(
      Object.entries(project.config.connections).map(([name, connection]) => [name, connection.vendor]),
    ),
    workers: project.config.workers,
  };
}

function send(message: FromWorker): void {
  process.send?.(message);
}
