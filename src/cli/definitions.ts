// What the project defines now: as the process knows it that works on the project, else loaded in a worker process, as a
// run's definitions are. The user's code is never loaded in this process, so what it prints can't mix with data.
import { dirname } from "node:path";
import { homeFolder } from "../config.ts";
import { currentPlans } from "../embedded/explanations.ts";
import type { LoadedProject } from "../embedded/messages.ts";
import { openReader, type Reader } from "../embedded/reader.ts";
import { openWorkerPool } from "../embedded/worker-pool.ts";
import { SluiceError } from "../errors.ts";
import type { Plan } from "../pipeline/plan.ts";
import type { CommandContext } from "./command.ts";

export interface Definitions extends Disposable {
  readonly plans: readonly Plan[];
  readonly reader: Reader;
  /** Does another process work on the project, by these definitions? */
  readonly running: boolean;
}

export async function currentDefinitions(context: CommandContext): Promise<Definitions> {
  const configPath = await context.configPath();
  const reader = openReader(configPath);
  const running = reader.holder() !== null && reader.note() !== null;
  try {
    const plans = running ? await currentPlans(reader) : (await loadProject(configPath)).plans;
    return { plans, reader, running, [Symbol.dispose]: () => reader.close() };
  } catch (error) {
    reader.close();
    throw error;
  }
}

/** The plan of a pipeline that is defined now; NOT_FOUND for another. */
export function definedPlan({ plans }: Pick<Definitions, "plans">, name: string): Plan {
  const plan = plans.find(({ pipeline }) => pipeline === name);
  if (plan !== undefined) return plan;
  throw new SluiceError("NOT_FOUND", `There is no pipeline "${name}" in pipelines/`, {
    hint:
      plans.length === 0
        ? "The folder pipelines/ defines none."
        : `There are ${plans.map(({ pipeline }) => pipeline).join(", ")}.`,
  });
}

/** The same, of one that has partitions; USAGE for one without. */
export function partitionedPlan(
  definitions: Pick<Definitions, "plans">,
  name: string,
): Plan & { readonly partitions: NonNullable<Plan["partitions"]> } {
  const plan = definedPlan(definitions, name);
  const { partitions } = plan;
  if (partitions !== null) return { ...plan, partitions };
  throw new SluiceError("USAGE", `Pipeline "${name}" has no partitions`, { hint: `Use: sluice run ${name}` });
}

/** What the project defines, as its files are now. */
export async function loadProject(configPath: string): Promise<LoadedProject> {
  const pool = await openWorkerPool({ configPath, homeFolder: homeFolder(dirname(configPath)) });
  await pool.close();
  return pool.project;
}
