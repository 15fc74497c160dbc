// The store as the scheduler calls it. Whatever is awaited, the world may have ended meanwhile: a call that fails is the
// end of the scheduler, for nothing can be trusted to be kept any more, and a call that returns after it was stopped
// doesn't return to where it was called from.
import type { EngineStore } from "../stores/engine-store.ts";

type Called =
  | "savePlan"
  | "plan"
  | "createRuns"
  | "unfinishedRuns"
  | "run"
  | "runByRequest"
  | "runs"
  | "newestRun"
  | "steps"
  | "endLive"
  | "cached"
  | "assetUpdates"
  | "newestUpdate"
  | "addRequests"
  | "dueRequests"
  | "nextRequestAt"
  | "pipelinesWithRequests"
  | "requests"
  | "dropRequests"
  | "openInstructions"
  | "answerInstruction"
  | "schedules"
  | "saveSchedule"
  | "createBackfill"
  | "advanceBackfill"
  | "backfill"
  | "backfills"
  | "partitionStatuses"
  | "addPartitionKeys"
  | "removePartitionKeys"
  | "partitionKeys";

/** Each once: the type says that none is missing. */
const called: Readonly<Record<Called, true>> = {
  savePlan: true,
  plan: true,
  createRuns: true,
  unfinishedRuns: true,
  run: true,
  runByRequest: true,
  runs: true,
  newestRun: true,
  steps: true,
  endLive: true,
  cached: true,
  assetUpdates: true,
  newestUpdate: true,
  addRequests: true,
  dueRequests: true,
  nextRequestAt: true,
  pipelinesWithRequests: true,
  requests: true,
  dropRequests: true,
  openInstructions: true,
  answerInstruction: true,
  schedules: true,
  saveSchedule: true,
  createBackfill: true,
  advanceBackfill: true,
  backfill: true,
  backfills: true,
  partitionStatuses: true,
  addPartitionKeys: true,
  removePartitionKeys: true,
  partitionKeys: true,
};

export type KeptStore = Pick<EngineStore, Called>;

/** `assertOpen` throws once the scheduler has ended; `failed` ends it. */
export function keptStore(store: EngineStore, assertOpen: () => void, failed: (error: unknown) => void): KeptStore {
  const kept =
    (name: Called) =>
    async (...given: never[]): Promise<unknown> => {
      assertOpen();
      try {
        return await (store[name] as (...all: never[]) => Promise<unknown>)(...given);
      } catch (error) {
        failed(error);
        throw error;
      } finally {
        assertOpen();
      }
    };
  return Object.fromEntries(Object.keys(called).map((name) => [name, kept(name as Called)])) as unknown as KeptStore;
}
