// Backfills: selections of partitions that are run a few at a time. A backfill only asks for runs, under its label; how far
// it has come and what it asked for are stored in one transaction. It works its way through by position, so it never holds
// its partitions as a list, and it can be stopped and taken up anywhere.
import type { Clock } from "../../clock.ts";
import { SluiceError } from "../../errors.ts";
import type { Json } from "../../json.ts";
import { selectPartitions, type SelectedPartitions } from "../../pipeline/partition-selection.ts";
import type { Plan } from "../../pipeline/plan.ts";
import type { ActiveRun, ActiveRuns } from "../scheduler/active-runs.ts";
import { backfillKey, backfillRequest, verdictOn } from "./backfill-scan.ts";
import type { DynamicSets } from "./dynamic-sets.ts";
import type { KeptStore } from "../scheduler/kept-store.ts";
import { createDuty, type Lane } from "../scheduler/lane.ts";
import type { BackfillRecord, RunRequest } from "../stores/request-store.ts";
import type { RunRecord } from "../stores/run-store.ts";

/** Partitions that are looked at in one go: few while each is run, more where many are left alone. */
const [shortestReach, longestReach] = [32, 1_000];
/** Backfills and runs that are read at a time. */
const page = 1_000;

export interface BackfillsOptions {
  readonly store: Pick<
    KeptStore,
    | "advanceBackfill"
    | "backfill"
    | "backfills"
    | "createBackfill"
    | "dropRequests"
    | "partitionStatuses"
    | "requests"
    | "runByRequest"
    | "runs"
  >;
  readonly clock: Clock;
  readonly lane: Lane;
  readonly sets: DynamicSets;
  readonly active: ActiveRuns;
  readonly plans: () => ReadonlyMap<string, Plan>;
  /** What a run is started with that nobody starts; null while that is not known yet. */
  readonly defaultParams: (plan: Plan) => { readonly params: Json } | null;
  readonly endOfTurn: () => Promise<void>;
  /** Requests of the pipeline were added. */
  readonly added: (pipeline: string) => void;
  readonly cancelRun: (run: ActiveRun, reason: string) => void;
  readonly draining: () => boolean;
  /** What can't be worked out for one pipeline must not keep the others. */
  readonly troubled: (pipeline: string, error: unknown) => void;
  readonly failed: (error: unknown) => void;
}

export interface Backfills {
  /** Takes up those that are stored as running. Before any run is let go. */
  open(): Promise<void>;
  isRunning(id: string): boolean;
  /** In the lane, like those below. One that is there already is left as it is. */
  create(record: BackfillRecord): Promise<BackfillRecord>;
  cancel(id: string): Promise<BackfillRecord>;
  resume(id: string): Promise<BackfillRecord>;
  /** A run of a backfill has ended. */
  runEnded(record: RunRecord): void;
  /** A request of a backfill was dropped. */
  requestDropped(request: RunRequest): void;
  /** Something may have changed for any of them. */
  lookAtAll(): void;
}

interface Entry {
  record: BackfillRecord;
  /** Partitions that were asked for and have not ended. */
  readonly open: Set<string>;
  /** How many partitions are looked at next. */
  reach: number;
  /** Has the record changed since it was stored? */
  changed: boolean;
}

export function createBackfills(options: BackfillsOptions): Backfills {
  const { store, clock } = options;
  const entries = new Map<string, Entry>();
  const toLookAt = new Set<string>();
  const looking = createDuty(options.lane, work, options.failed);

  async function work(): Promise<void> {
    const ids = [...toLookAt];
    toLookAt.clear();
    for (const id of ids) {
      const entry = entries.get(id);
      if (entry === undefined) continue;
      try {
        await advance(entry);
      } catch (error) {
        options.troubled(entry.record.pipeline, error);
      }
    }
    // Others come between two stretches, however many partitions there are to be left alone.
    if (toLookAt.size > 0) await options.endOfTurn();
  }

  async function advance(entry: Entry): Promise<void> {
    const { record } = entry;
    if (record.status !== "running" || options.draining()) return settle(entry);
    const plan = options.plans().get(record.pipeline);
    const known = plan === undefined ? null : options.defaultParams(plan);
    // It goes on when the pipeline is there again, or when whoever works out the params has done so.
    if (plan === undefined || known === null) return settle(entry);
    const selected = await selectedOf(plan, record);
    if (selected === null) return finish(entry, true);
    if (record.position >= selected.count) return entry.open.size > 0 ? settle(entry) : finish(entry, false);
    const room = record.parallel - entry.open.size;
    if (room <= 0) return settle(entry);
    await ask(entry, plan, selected, room, known.params);
    if (entry.record.position < selected.count ? entry.open.size < record.parallel : entry.open.size === 0)
      look(record.id);
  }

  /** Goes on through the selection until there is no more room, or for as long as may be in one go. */
  async function ask(
    entry: Entry,
    plan: Plan,
    selected: SelectedPartitions,
    room: number,
    params: Json,
  ): Promise<void> {
    const { record } = entry;
    const keys = Array.from({ length: Math.min(entry.reach, selected.count - record.position) }, (_unused, index) =>
      selected.keyAt(record.position + index),
    );
    const found = await store.partitionStatuses(plan.pipeline, { keys });
    const statuses = new Map(found.map((status) => [status.partition, status]));
    const requests: RunRequest[] = [];
    let passed = 0;
    let again = 0;
    for (const key of keys) {
      if (requests.length === room) break;
      passed += 1;
      const status = statuses.get(key);
      const own = status !== undefined && (await store.runByRequest(backfillKey(record.id, key))) !== null;
      const verdict = entry.open.has(key) ? "leave" : verdictOn(record.mode, status, own);
      if (verdict === "leave") continue;
      const before = verdict === "run-again" ? status!.runId : null;
      requests.push(backfillRequest(record, key, before, params, clock.now()));
      if (before !== null) again += 1;
    }
    entry.reach = requests.length > 0 ? shortestReach : Math.min(entry.reach * 2, longestReach);
    // Runs of it may have ended meanwhile, and been counted.
    const counted = entry.record;
    const requested = counted.requested + requests.length - again;
    const failed = Math.max(0, counted.failed - again);
    await save(entry, { ...counted, position: counted.position + passed, requested, failed }, requests);
    for (const { partition } of requests) entry.open.add(partition!);
    if (requests.length > 0) options.added(plan.pipeline);
  }

  async function selectedOf(plan: Plan, record: BackfillRecord): Promise<SelectedPartitions | null> {
    try {
      if (plan.partitions === null) return null;
      const dynamic = await options.sets.keysFor(plan.partitions);
      return selectPartitions(plan.partitions, record.selection, dynamic, clock.now());
    } catch (error) {
      // The pipeline was changed, and has no such partitions any more.
      options.troubled(plan.pipeline, error);
      return null;
    }
  }

  /** Partitions that the backfill has run, and whose newest run has not succeeded, whoever asked for that. */
  async function failedPartitions({ id, pipeline }: BackfillRecord): Promise<number> {
    const partitions = new Set<string>();
    for (const status of ["failed", "cancelled"] as const) {
      for (let before: number | undefined; ;) {
        const runs = await store.runs({
          backfill: id,
          status,
          limit: page,
          ...(before === undefined ? {} : { before }),
        });
        for (const { partition } of runs) if (partition !== null) partitions.add(partition);
        if (runs.length < page) break;
        before = runs.at(-1)!.sequence;
      }
    }
    const keys = [...partitions];
    let count = 0;
    for (let from = 0; from < keys.length; from += page) {
      const found = await store.partitionStatuses(pipeline, { keys: keys.slice(from, from + page) });
      count += found.filter(({ status }) => status === "failed" || status === "cancelled").length;
    }
    return count;
  }

  async function finish(entry: Entry, abandoned: boolean): Promise<void> {
    const failed = await failedPartitions(entry.record);
    const succeeded = Math.max(0, entry.record.requested - failed);
    const status = abandoned || failed > 0 ? "failed" : "succeeded";
    await save(entry, { ...entry.record, failed, succeeded, status, finishedAt: clock.now() }, []);
    entries.delete(entry.record.id);
  }

  /** Stores what has changed; of one that doesn't go on, nothing is kept at hand once its last run has ended. */
  async function settle(entry: Entry): Promise<void> {
    if (entry.changed) await save(entry, entry.record, []);
    if (entry.record.status !== "running" && entry.open.size === 0) entries.delete(entry.record.id);
  }

  async function save(entry: Entry, record: BackfillRecord, requests: readonly RunRequest[]): Promise<void> {
    entry.record = record;
    entry.changed = false;
    await store.advanceBackfill(record, requests);
  }

  function look(id: string): void {
    toLookAt.add(id);
    looking.soon();
  }

  function entryOf(record: BackfillRecord): Entry {
    let entry = entries.get(record.id);
    if (entry === undefined) {
      entry = { record, open: new Set(), reach: shortestReach, changed: false };
      entries.set(record.id, entry);
    }
    return entry;
  }

  function runsOf(id: string): ActiveRun[] {
    return [...options.active.all()].filter(({ record }) => record.backfill === id);
  }

  async function stored(id: string): Promise<BackfillRecord> {
    const record = entries.get(id)?.record ?? (await store.backfill(id));
    if (record !== null) return record;
    throw new SluiceError("NOT_FOUND", `There is no backfill "${id}"`, { hint: "List them: sluice backfill list" });
  }

  return {
    open: async () => {
      for (const record of await store.backfills({ status: "running", limit: page })) {
        const entry = entryOf(record);
        const waiting = await store.requests({ backfill: record.id, limit: page });
        for (const { partition } of [...waiting, ...runsOf(record.id).map((run) => run.record)])
          if (partition !== null) entry.open.add(partition);
        const failed = await failedPartitions(record);
        const succeeded = Math.max(0, record.requested - entry.open.size - failed);
        entry.record = { ...record, failed, succeeded };
        look(record.id);
      }
    },
    isRunning: (id) => entries.get(id)?.record.status === "running",
    create: async (record) => {
      const known = entries.get(record.id)?.record ?? (await store.backfill(record.id));
      if (known !== null) return known;
      await store.createBackfill(record);
      entryOf(record);
      look(record.id);
      return record;
    },
    cancel: async (id) => {
      const record = await stored(id);
      // Told again, it finishes what may have been left undone.
      if (record.status === "succeeded" || record.status === "failed") return record;
      const entry = entryOf(record);
      const finishedAt = record.finishedAt ?? clock.now();
      await save(entry, { ...entry.record, status: "cancelled", finishedAt }, []);
      const dropped = await store.dropRequests({ backfill: id });
      const runs = runsOf(id);
      entry.open.clear();
      for (const run of runs) {
        entry.open.add(run.record.partition!);
        options.cancelRun(run, `backfill ${id} was cancelled`);
      }
      if (dropped > 0)
        await save(entry, { ...entry.record, requested: Math.max(0, entry.record.requested - dropped) }, []);
      await settle(entry);
      return entry.record;
    },
    resume: async (id) => {
      const record = await stored(id);
      if (record.status === "running" || record.status === "succeeded") return record;
      const entry = entryOf(record);
      // From the start: what it did before is left alone, what did not succeed is run again.
      await save(entry, { ...entry.record, status: "running", position: 0, finishedAt: null }, []);
      look(id);
      return entry.record;
    },
    runEnded: ({ backfill, partition, status }) => {
      const entry = backfill === null ? undefined : entries.get(backfill);
      if (entry === undefined || !entry.open.delete(partition!)) return;
      const counter = status === "succeeded" ? "succeeded" : "failed";
      entry.record = { ...entry.record, [counter]: entry.record[counter] + 1 };
      entry.changed = true;
      look(entry.record.id);
    },
    requestDropped: ({ backfill, partition }) => {
      const entry = backfill === null ? undefined : entries.get(backfill);
      if (entry === undefined || !entry.open.delete(partition!)) return;
      entry.record = { ...entry.record, requested: Math.max(0, entry.record.requested - 1) };
      entry.changed = true;
      look(entry.record.id);
    },
    lookAtAll: () => {
      for (const id of entries.keys()) look(id);
    },
  };
}
