// Runs a pipeline of a project once, as it would be run, by the real engine and in real workers; but in a folder of its
// own, with rows that the test gives, and without waiting for what only takes time.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { systemClock } from "../clock.ts";
import type { Connection, ConnectionFactory } from "../config.ts";
import { openEngine, type Engine } from "../embedded/engine.ts";
import { findConfig } from "../embedded/project.ts";
import { openRowReader } from "../embedded/row-reader.ts";
import type { StandIns } from "../embedded/stand-ins.ts";
import type { FinishedRun } from "../engine/scheduler/scheduler.ts";
import { SluiceError } from "../errors.ts";
import type { Json, JsonObject } from "../json.ts";
import type { Plan } from "../pipeline/plan.ts";
import { createAttendant, type Decision } from "./attendant.ts";
import type { FaultPlan } from "./faults.ts";
import { createSkippedTime } from "./skipped-time.ts";
import { testedRun, type TestedRun } from "./tested-run.ts";

/** What is run, and in which surroundings. */
export interface TestPipelineOptions {
  /** Folder of the project, or a folder in it. @default the working folder */
  readonly project?: string;
  /** Name of the pipeline. */
  readonly pipeline: string;
  /** Key of the partition, where the pipeline has partitions. */
  readonly partition?: string;
  readonly params?: JsonObject;
  /**
   * What steps produce, in place of running them. For a step that extracts, transforms or validates these are rows, of which
   * a dataset is made; for another one its output; for a mapped step the list of its items' outputs.
   */
  readonly fixtures?: Readonly<Record<string, Json>>;
  /** What goes wrong: `kill`, `fail`, `delay` and `freeze`. */
  readonly faults?: readonly FaultPlan[];
  /** What people say whom approval steps ask, by step. A step that is not named waits for its deadline. */
  readonly decisions?: Readonly<Record<string, Decision>>;
  /**
   * Connections to use in place of the project's, by name; "real" for the project's own.
   * @default what is loaded goes into an embedded warehouse of the test's own, whatever the connection; what is extracted
   * comes from where the project says, but for embedded warehouses, which are the test's own and empty
   */
  readonly connections?: Readonly<Record<string, ConnectionFactory | "real">>;
}

/**
 * Runs a pipeline once and resolves when it has ended, however it ended. State, warehouse, features and indexes lie in a
 * temporary folder, which `close` removes (`await using` does, too). Waits of retries and sensors are skipped, deadlines
 * that nobody meets as well; other pipelines that are waited for count as having succeeded. Rejects with USAGE for a
 * step that isn't there, or one that waits for a decision which the test doesn't make.
 *
 * ```ts
 * import { fail, testPipeline } from "sluice/testing";
 *
 * const run = await testPipeline({
 *   pipeline: "orders_daily",
 *   partition: "2026-01-05",
 *   fixtures: { orders: [{ order_id: "o-1", customer_id: "c-1", amount: "12.50" }] },
 *   faults: [fail("loaded", { attempts: 2 })],
 * });
 * const rows = await run.table("warehouse.orders");
 * await run.close();
 * ```
 */
export async function testPipeline(options: TestPipelineOptions): Promise<TestedRun> {
  const configPath = findConfig(resolve(options.project ?? "."));
  const home = await mkdtemp(join(tmpdir(), "sluice-test-"));
  const closers: (() => void | Promise<void>)[] = [() => rm(home, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer();
  };
  try {
    const { engine, finished } = await runAttended(options, { configPath, home });
    closers.push(() => engine.close());
    const reader = openRowReader(home);
    closers.push(() => reader.close());
    return await testedRun({ finished: await finished, store: engine.store, reader, close });
  } catch (error) {
    await close();
    throw error;
  }
}

interface Places {
  readonly configPath: string;
  readonly home: string;
}

async function runAttended(
  options: TestPipelineOptions,
  { configPath, home }: Places,
): Promise<{ readonly engine: Engine; readonly finished: Promise<FinishedRun> }> {
  const time = createSkippedTime(systemClock);
  const given = Promise.withResolvers<never>();
  given.promise.catch(() => {});
  let attend: ReturnType<typeof createAttendant> = () => {};
  const engine = await openEngine({
    configPath,
    home,
    command: `test of ${options.pipeline}`,
    schedules: false,
    clock: time.clock,
    timer: time.timer,
    faults: (options.faults ?? []).flat(),
    standIns: standInsOf(options),
    onChange: (run, state) => attend(run, state),
  });
  try {
    const plan = planNamed(engine, options.pipeline);
    checkSteps(plan, options);
    attend = createAttendant({
      plan,
      decisions: options.decisions ?? {},
      instruct: (instruction) => void engine.instruct(instruction, "test").catch(given.reject),
      skipTo: time.skipTo,
      stuck: (step) => given.reject(undecided(step)),
    });
    const { pipeline, partition = null, params = null } = options;
    const finished = Promise.race([engine.run(pipeline, { partition, params }), given.promise]);
    return { engine, finished };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

function standInsOf({ pipeline, fixtures = {}, connections = {} }: TestPipelineOptions): StandIns {
  const replaced: Record<string, Connection | "real"> = {};
  for (const [name, connection] of Object.entries(connections)) {
    replaced[name] = connection === "real" ? "real" : (JSON.parse(JSON.stringify(connection(name))) as Connection);
  }
  return { pipeline, fixtures, connections: replaced };
}

function planNamed({ plans }: Engine, name: string): Plan {
  const plan = plans.get(name);
  if (plan !== undefined) return plan;
  throw new SluiceError("NOT_FOUND", `There is no pipeline "${name}" in pipelines/`, {
    hint: plans.size === 0 ? "The folder pipelines/ defines none." : `There are ${[...plans.keys()].join(", ")}.`,
  });
}

/** A name that fits no step would make a test pass that tests nothing. */
function checkSteps(plan: Plan, { fixtures = {}, faults = [], decisions = {} }: TestPipelineOptions): void {
  const known = new Set(plan.steps.map((step) => step.name));
  const named = [...Object.keys(fixtures), ...faults.flat().map((fault) => fault.step), ...Object.keys(decisions)];
  const unknown = named.find((name) => !known.has(name));
  if (unknown === undefined) return;
  throw new SluiceError("USAGE", `Pipeline "${plan.pipeline}" has no step "${unknown}"`, {
    hint: `It has ${[...known].join(", ")}.`,
  });
}

function undecided(step: string): SluiceError {
  return new SluiceError("USAGE", `Step "${step}" waits for a decision that the test does not make`, {
    hint: `Add decisions: { ${JSON.stringify(step)}: "approve" } to the options.`,
  });
}
