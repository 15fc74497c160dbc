// The run half of the store in memory: what the port means, in its plainest form.
import type { Plan } from "../../pipeline/plan.ts";
import { createMemoryRuns, loadRun, prepareUpdates } from "./memory-commit.ts";
import { keptUpdates, pruneRuns } from "./memory-retention.ts";
import { statisticsOf, type RunWithSteps } from "./memory-statistics.ts";
import { copy, first, type MemoryRun, type MemoryTables } from "./memory-tables.ts";
import type {
  AssetUpdate,
  AttemptLogLine,
  AttemptRecord,
  CachedResult,
  LiveAttempt,
  RunFilter,
  RunRecord,
  RunStore,
  StoredNotice,
  StoredStep,
} from "./run-store.ts";
import type { ItemState, ItemStatus, StepState } from "../state-machine/state.ts";

export function createMemoryRunStore(tables: MemoryTables): RunStore {
  const { runs, unfinished } = tables;
  const plans = new Map<string, { readonly plan: string; readonly pipeline: string; readonly at: number }>();
  const notices = new Map<string, StoredNotice>();
  const cached = new Map<string, CachedResult>();
  let updates: AssetUpdate[] = [];
  /** What the figures still count of runs that are gone. */
  const pruned: RunWithSteps[] = [];
  let sequence = 0;
  let position = 0;

  const planOf = (version: string): Plan | null => {
    const known = plans.get(version);
    return known === undefined ? null : (JSON.parse(known.plan) as Plan);
  };
  const stepsOf = (run: MemoryRun): StoredStep[] =>
    planOf(run.record.version)!.steps.map(({ name, kind }) => {
      const { text, items } = run.steps.get(name)!;
      const state = JSON.parse(text) as Omit<StepState, "items">;
      return { name, kind, ...state, items: items === null ? null : countsOf(items) };
    });
  const figuresOf = (run: MemoryRun): RunWithSteps => ({ record: run.record, steps: stepsOf(run) });
  const due = (): StoredNotice[] =>
    [...notices.values()].filter(({ dueAt }) => dueAt !== null).sort((a, b) => a.dueAt! - b.dueAt!);

  return {
    savePlan: async (plan, at) => {
      const { version, pipeline } = plan;
      if (!plans.has(version)) plans.set(version, { plan: JSON.stringify(plan), pipeline, at });
    },
    plan: async (version) => planOf(version),
    versions: async (pipeline) =>
      [...plans]
        .filter(([, known]) => known.pipeline === pipeline)
        .map(([version, { at }]) => ({ version, at }))
        .reverse(),
    createRuns: async (wanted) => {
      const made = createMemoryRuns(tables, wanted, sequence, (version) => plans.has(version));
      sequence += made.length;
      return made;
    },
    commit: async (batch) => {
      const update = prepareUpdates(tables, batch.updates);
      const { updates: _updates, ...others } = batch;
      const rest = copy(others);
      update();
      for (const { runId, state, changed } of batch.updates) {
        for (const step of changed.map((item) => state.steps.get(item.step)!)) {
          if (step.status !== "succeeded") continue;
          const { partition } = runs.get(runId)!.record;
          for (const asset of step.assets) {
            const last = updates.at(-1)?.position ?? 0;
            updates.push({ position: last + 1, asset, partition, runId, at: step.finishedAt! });
          }
        }
      }
      for (const live of rest.live) runs.get(live.runId)?.live.set(keyOf(live), JSON.stringify(live));
      for (const attempt of rest.attempts) endAttempt(runs.get(attempt.runId), attempt);
      for (const line of rest.logs) {
        const { step, item, attempt } = line;
        position += 1;
        const text = JSON.stringify({ ...line, position });
        runs.get(line.runId)?.logs.push({ position, step, item, attempt, text });
      }
      for (const notice of rest.notices) {
        const run = runs.get(notice.runId);
        if (run === undefined || notices.has(notice.key)) continue;
        notices.set(notice.key, { notice, attempts: 0, dueAt: notice.at, deliveredAt: null, error: null });
        run.notices.push(notice.key);
      }
      for (const result of rest.cached)
        if (result.at >= (cached.get(result.key)?.at ?? result.at)) cached.set(result.key, result);
    },
    unfinishedRuns: async () => [...unfinished.values()].map(loadRun),
    run: async (id) => {
      const known = runs.get(id);
      if (known !== undefined) return loadRun(known);
      const found = id === "" ? [] : first(runs.values(), 2, ({ record }) => record.id.startsWith(id));
      return found.length === 1 ? loadRun(found[0]!) : null;
    },
    runByRequest: async (key) => copy(tables.byRequest.get(key)?.record ?? null),
    runsNamed: async (beginning, limit) => {
      const ids = [...runs.keys()].filter((id) => id.startsWith(beginning)).sort();
      return copy(ids.slice(0, limit).map((id) => runs.get(id)!.record));
    },
    runs: async (filter) => listRuns([...runs.values()], filter),
    newestRun: async (pipeline, partition, succeeded = false) => {
      const known = tables.partitions.get(pipeline)?.get(partition);
      return copy((succeeded ? known?.succeeded : known?.newest)?.record ?? null);
    },
    steps: async (runId) => {
      const run = runs.get(runId);
      return run === undefined ? [] : stepsOf(run);
    },
    items: async (runId, step, { from = 0, limit = 1000, status } = {}) => {
      const items = (runs.get(runId)?.steps.get(step)?.items ?? []).map((text, index) => ({
        ...(JSON.parse(text) as ItemState),
        position: index,
      }));
      return first(items.slice(from), limit, (item) => status === undefined || item.status === status);
    },
    attempts: async (runId, { step, limit = Number.MAX_SAFE_INTEGER } = {}) => {
      const run = runs.get(runId);
      if (run === undefined) return [];
      const all = [...run.attempts.values()].map((text) => JSON.parse(text) as AttemptRecord);
      all.sort((a, b) => a.startedAt - b.startedAt || inPlanOrder(run)(a, b));
      return first(all, limit, (attempt) => step === undefined || attempt.step === step);
    },
    live: async (runId) => {
      const some = runId === undefined ? [...runs.values()] : [runs.get(runId)].filter((run) => run !== undefined);
      return some.flatMap((run) =>
        [...run.live.values()].map((text) => JSON.parse(text) as LiveAttempt).sort(inPlanOrder(run)),
      );
    },
    endLive: async (at, reason) => {
      const error = { code: "WORKER_LOST", message: reason, retryable: true } as const;
      for (const run of runs.values()) {
        for (const text of run.live.values()) {
          const live = JSON.parse(text) as LiveAttempt;
          endAttempt(run, { ...live, status: "lost", finishedAt: Math.max(at, live.startedAt), error });
        }
      }
    },
    logs: async (runId, { step, item, attempt, after = 0, limit = 1000, tail = false } = {}) => {
      const lines = (runs.get(runId)?.logs ?? []).filter(
        (line) =>
          line.position > after &&
          (step === undefined || line.step === step) &&
          (item === undefined || line.item === item) &&
          (attempt === undefined || line.attempt === attempt),
      );
      const some = tail ? lines.slice(Math.max(0, lines.length - limit)) : lines.slice(0, limit);
      return some.map(({ text }) => JSON.parse(text) as AttemptLogLine & { position: number });
    },
    cached: async (key, since) => {
      const known = cached.get(key);
      return known === undefined || known.at < since ? null : copy(known);
    },
    assetUpdates: async (after, limit = 1000) => {
      let start = updates.length;
      while (start > 0 && updates[start - 1]!.position > after) start -= 1;
      return copy(updates.slice(start, start + limit));
    },
    newestUpdate: async (asset, partition) =>
      copy(
        updates.findLast(
          (update) => update.asset === asset && (partition === undefined || update.partition === partition),
        ) ?? null,
      ),
    dueNotices: async (now, limit) => copy(first(due(), limit, ({ dueAt }) => dueAt! <= now)),
    nextNoticeAt: async () => due()[0]?.dueAt ?? null,
    noticeTold: async (key, { at, dueAt, error }) => {
      const known = notices.get(key);
      if (known === undefined) return;
      const deliveredAt = dueAt === null && error === null ? at : null;
      notices.set(key, copy({ ...known, attempts: known.attempts + 1, dueAt, deliveredAt, error }));
    },
    notices: async (runId) => copy((runs.get(runId)?.notices ?? []).map((key) => notices.get(key)!)),
    noticeCounts: async () => {
      const all = [...notices.values()];
      return {
        waiting: all.filter(({ dueAt }) => dueAt !== null).length,
        failed: all.filter(({ dueAt, deliveredAt }) => dueAt === null && deliveredAt === null).length,
      };
    },
    statistics: async () =>
      statisticsOf(
        [...pruned, ...[...runs.values()].map(figuresOf)].sort((a, b) => a.record.sequence - b.record.sequence),
        new Map(updates.map(({ asset, at }) => [asset, at])),
      ),
    prune: async (before, keep) => {
      const gone = pruneRuns(tables, before, keep);
      pruned.push(...gone.map(figuresOf));
      for (const key of gone.flatMap((run) => run.notices)) notices.delete(key);
      for (const [key, { at }] of cached) if (at < before) cached.delete(key);
      for (const [id, { answeredAt }] of tables.instructions)
        if (answeredAt !== null && answeredAt < before) tables.instructions.delete(id);
      updates = keptUpdates(updates, before);
      return gone.length;
    },
    outputs: async (look) => {
      const tell = (output: unknown): void => {
        if (output !== null) look(JSON.stringify(output));
      };
      for (const { output } of cached.values()) tell(output);
      for (const { steps } of runs.values())
        for (const { text, items } of steps.values())
          for (const part of [text, ...(items ?? [])]) tell((JSON.parse(part) as { readonly output: unknown }).output);
    },
    close: () => {},
  };
}

function endAttempt(run: MemoryRun | undefined, attempt: AttemptRecord): void {
  run?.attempts.set(keyOf(attempt), JSON.stringify(attempt));
  run?.live.delete(keyOf(attempt));
}

/** By the step's place in the plan, the item and the number of the attempt. */
function inPlanOrder(run: MemoryRun): (a: LiveAttempt | AttemptRecord, b: LiveAttempt | AttemptRecord) => number {
  const places = new Map([...run.steps.keys()].map((name, place) => [name, place]));
  return (a, b) =>
    places.get(a.step)! - places.get(b.step)! || (a.item ?? -1) - (b.item ?? -1) || a.attempt - b.attempt;
}

function keyOf({ step, item, attempt }: LiveAttempt | AttemptRecord): string {
  return JSON.stringify([step, item, attempt]);
}

function countsOf(items: readonly string[]): Record<ItemStatus, number> {
  const counts = { queued: 0, retrying: 0, succeeded: 0, failed: 0, cancelled: 0 };
  for (const text of items) counts[(JSON.parse(text) as ItemState).status] += 1;
  return counts;
}

function listRuns(all: readonly MemoryRun[], { limit = 50, before = Infinity, ...wanted }: RunFilter): RunRecord[] {
  const matches = ({ record }: MemoryRun): boolean =>
    record.sequence < before &&
    Object.entries(wanted).every(([key, value]) => value === undefined || record[key as keyof typeof wanted] === value);
  return first(all.toReversed(), limit, matches).map(({ record }) => copy(record));
}
