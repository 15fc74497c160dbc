// The run store in memory: what the port means, in its plainest form, for tests and simulations. Everything is kept as
// JSON text, so that nobody shares an object with the store. Nothing survives the process.
import { SluiceError } from "../errors.ts";
import type { Plan } from "../pipeline/plan.ts";
import { statisticsOf } from "./memory-statistics.ts";
import type {
  AttemptLogLine,
  AttemptRecord,
  BackfillRecord,
  RunFilter,
  RunRecord,
  RunStore,
  RunUpdate,
  StoredRun,
  StoredStep,
} from "./run-store.ts";
import type { RunState } from "./state.ts";

/** An empty store. */
export function createMemoryRunStore(): RunStore {
  const plans = new Map<string, string>();
  /** By id, in the order of their creation. */
  let runs = new Map<string, string>();
  const attempts = new Map<string, string>();
  const logs: string[] = [];
  const backfills = new Map<string, string>();
  const assets = new Map<string, number>();

  const planOf = (version: string): Plan | null => parse<Plan>(plans.get(version));
  const all = (): StoredRun[] => [...runs.values()].map((text) => JSON.parse(text) as StoredRun);
  const stepsOf = ({ record, state }: StoredRun): StoredStep[] => {
    const kinds = new Map(planOf(record.version)!.steps.map((step) => [step.name, step.kind]));
    return Object.entries(state.steps).map(([name, step]) => ({ name, kind: kinds.get(name)!, ...step }));
  };

  return {
    savePlan: async (plan) => {
      if (!plans.has(plan.version)) plans.set(plan.version, JSON.stringify(plan));
    },
    plan: async (version) => planOf(version),
    createRuns: async (wanted) => {
      const next = new Map(runs);
      for (const { id, state, createdAt, pipeline, version, partition, backfill } of wanted) {
        if (next.has(id)) throw new SluiceError("INTERNAL", `There is already a run ${id}`);
        if (!plans.has(version)) throw new SluiceError("INTERNAL", `The plan of run ${id} is not in the store`);
        const record: RunRecord = {
          id,
          sequence: next.size + 1,
          pipeline,
          version,
          partition,
          backfill,
          status: "running",
          createdAt,
          finishedAt: null,
        };
        next.set(id, JSON.stringify({ record, state, revision: 0 }));
      }
      runs = next;
      return wanted.map(({ id }) => parse<StoredRun>(runs.get(id))!);
    },
    commit: async (batch) => {
      const next = new Map(runs);
      for (const update of batch.updates)
        next.set(update.runId, JSON.stringify(updated(parse<StoredRun>(next.get(update.runId)), update)));
      // Whatever can fail comes before the first change: all of a batch or none of it.
      const ended = batch.attempts.map(
        (item) => [JSON.stringify([item.runId, item.step, item.attempt]), JSON.stringify(item)] as const,
      );
      const lines = batch.logs.map((line, index) => JSON.stringify({ ...line, position: logs.length + index + 1 }));
      runs = next;
      for (const { state, changed } of batch.updates) {
        for (const step of changed.map((name) => state.steps[name]!)) {
          if (step.status === "succeeded") for (const asset of step.assets) assets.set(asset, step.finishedAt!);
        }
      }
      for (const [key, text] of ended) attempts.set(key, text);
      logs.push(...lines);
    },
    createBackfill: async (backfill) => {
      if (backfills.has(backfill.id)) throw new SluiceError("INTERNAL", `There is already a backfill ${backfill.id}`);
      backfills.set(backfill.id, JSON.stringify(backfill));
    },
    finishBackfill: async (id, status, at) => {
      const known = parse<BackfillRecord>(backfills.get(id));
      if (known !== null)
        backfills.set(id, JSON.stringify({ ...known, status, finishedAt: status === "running" ? null : at }));
    },
    findBackfill: async (pipeline, version, from, to) =>
      [...backfills.values()]
        .map((text) => JSON.parse(text) as BackfillRecord)
        .filter(
          (item) => item.pipeline === pipeline && item.version === version && item.from === from && item.to === to,
        )
        .reverse()
        .sort((a, b) => b.createdAt - a.createdAt)[0] ?? null,
    unfinishedRuns: async () => all().filter(({ record }) => record.status === "running"),
    run: async (id) => {
      if (runs.has(id)) return parse<StoredRun>(runs.get(id));
      const found = id === "" ? [] : [...runs.keys()].filter((key) => key.startsWith(id));
      return found.length === 1 ? parse<StoredRun>(runs.get(found[0]!)) : null;
    },
    runs: async (filter) =>
      listRuns(
        all().map(({ record }) => record),
        filter,
      ),
    steps: async (runId) => {
      const run = parse<StoredRun>(runs.get(runId));
      return run === null ? [] : stepsOf(run);
    },
    attempts: async (runId) =>
      [...attempts.values()]
        .map((text) => JSON.parse(text) as AttemptRecord)
        .filter((item) => item.runId === runId)
        .sort(
          (a, b) => a.startedAt - b.startedAt || (a.step < b.step ? -1 : a.step > b.step ? 1 : a.attempt - b.attempt),
        ),
    logs: async (runId, { step, after = 0, limit = 1000 }) =>
      logs
        .map((text) => JSON.parse(text) as AttemptLogLine & { position: number })
        .filter((line) => line.runId === runId && line.position > after && (step === undefined || line.step === step))
        .slice(0, limit),
    statistics: async () =>
      statisticsOf(
        all().map((run) => ({ record: run.record, steps: stepsOf(run) })),
        assets,
      ),
    close: () => {},
  };
}

function updated(run: StoredRun | null, { runId, expectedRevision, state, changed }: RunUpdate): StoredRun {
  if (run === null || run.revision !== expectedRevision) {
    throw new SluiceError("FENCED", `Run ${runId} was changed by another process`, {
      hint: "Only one scheduler may work on a state folder at a time.",
    });
  }
  const { status, finishedAt } = state;
  // Only the steps that are named are taken, so that a scheduler that forgets to name one is found out here too.
  const steps: RunState["steps"] = {
    ...run.state.steps,
    ...Object.fromEntries(changed.map((name) => [name, state.steps[name]!])),
  };
  return {
    record: { ...run.record, status, finishedAt },
    state: { status, finishedAt, steps },
    revision: run.revision + 1,
  };
}

function listRuns(records: readonly RunRecord[], { limit = 50, ...wanted }: RunFilter): RunRecord[] {
  const matches = (record: RunRecord): boolean =>
    Object.entries(wanted).every(([key, value]) => value === undefined || record[key as keyof typeof wanted] === value);
  return records.filter(matches).reverse().slice(0, limit);
}

function parse<T>(text: string | undefined): T | null {
  return text === undefined ? null : (JSON.parse(text) as T);
}
