// The store as one process sees it. A call is under way until the world lets it take effect, and answered when the world
// lets the answer through; a process that has died hears nothing. Whatever was made durable is looked at right away.
import type { EngineStore } from "../../src/engine/stores/engine-store.ts";
import type { CommitBatch, NewRun, StoredRun } from "../../src/engine/stores/run-store.ts";
import type { ScheduleState } from "../../src/engine/stores/request-store.ts";
import { inspectCommit, inspectNewRuns } from "./inspection.ts";
import type { Operation, SimulatedProcess } from "./process.ts";
import { learnRun, type World } from "./world.ts";

type Method = Exclude<keyof EngineStore, "close" | "changedByOthers">;

const reading =
  /^(?:run|runs|plan|versions|steps|items|attempts|live|logs|cached|notices|statistics|backfill|backfills|requests|instruction|schedules|unfinishedRuns|runByRequest|newestRun|assetUpdates|newestUpdate|dueNotices|nextNoticeAt|dueRequests|nextRequestAt|pipelinesWithRequests|openInstructions|partitionStatuses|partitionKeys)$/;

export function holdStore(world: World, self: Pick<SimulatedProcess, "alive" | "refused" | "operations">): EngineStore {
  const inner = world.store;
  const hold = (name: Method) =>
    ((...given: never[]) =>
      new Promise((resolve, reject) => {
        // A dead process does nothing more.
        if (!self.alive) return;
        let answer = (): void => {};
        const operation: Operation = {
          name,
          writes: !reading.test(name),
          mayArriveLate: name === "commit" && (given as unknown as [CommitBatch])[0].updates.length > 0,
          applied: false,
          apply: async () => {
            operation.applied = true;
            try {
              const result = await applied(world, name, planted(world, name, given));
              answer = () => resolve(result);
            } catch (error) {
              answer = () => {
                self.refused = true;
                reject(error);
              };
            }
          },
          answer: () => {
            self.operations.delete(operation);
            if (self.alive) answer();
          },
          refuse: (error) => {
            self.operations.delete(operation);
            if (!self.alive) return;
            self.refused = true;
            reject(error);
          },
        };
        self.operations.add(operation);
        if (world.planted === "answers-before-commit" && name === "commit") resolve(undefined);
      })) as never;
  const held = Object.fromEntries(
    (Object.keys(inner) as (keyof EngineStore)[])
      .filter((name) => name !== "close" && name !== "changedByOthers")
      .map((name) => [name, hold(name as Method)]),
  );
  return { ...held, close: () => {}, changedByOthers: () => inner.changedByOthers() } as unknown as EngineStore;
}

async function applied(world: World, name: Method, given: never[]): Promise<unknown> {
  const { store } = world;
  const result: unknown = await (store[name] as (...all: never[]) => Promise<unknown>)(...given);
  if (name === "createRuns") {
    const runs = result as StoredRun[];
    for (const run of runs) learnRun(world, run);
    inspectNewRuns(world, runs);
  } else if (name === "commit") {
    const [batch] = given as unknown as [CommitBatch];
    for (const { runId } of batch.updates) inspectCommit(world, (await store.run(runId))!);
  }
  noteFirstLook(world, name, given);
  return result;
}

function noteFirstLook({ firstLooks }: World, name: Method, given: readonly unknown[]): void {
  const state = (name === "saveSchedule" ? given[0] : name === "addRequests" ? given[1] : undefined) as
    | ScheduleState
    | undefined;
  if (state === undefined || state.handledTick === null || firstLooks.has(state.pipeline)) return;
  // What was asked for at the very first look lies before it.
  firstLooks.set(state.pipeline, state.handledTick);
}

function planted(world: World, name: Method, given: never[]): never[] {
  if (world.planted === "no-revision" && name === "commit") {
    const [batch] = given as unknown as [CommitBatch];
    const updates = batch.updates.map((update) => ({
      ...update,
      expectedRevision: world.runs.get(update.runId)!.stored.revision,
    }));
    return [{ ...batch, updates }] as unknown as never[];
  }
  if (world.planted === "no-request-key" && name === "createRuns") {
    const [runs] = given as unknown as [readonly NewRun[]];
    return [runs.map((run) => ({ ...run, requestKey: `${run.requestKey}/${run.id}` }))] as unknown as never[];
  }
  if (world.planted === "drops-notices" && name === "commit") {
    const [batch] = given as unknown as [CommitBatch];
    return [{ ...batch, notices: batch.notices.slice(0, -1) }] as unknown as never[];
  }
  return given;
}
