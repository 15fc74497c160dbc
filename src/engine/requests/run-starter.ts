// Makes runs and lets them go. A run is stored as started already, so that its first attempts cost no commit of their own.
import type { Clock } from "../../clock.ts";
import type { Plan } from "../../pipeline/plan.ts";
import type { ActiveRun, ActiveRuns } from "../scheduler/active-runs.ts";
import type { KeptStore } from "../scheduler/kept-store.ts";
import type { RunRequest } from "../stores/request-store.ts";
import type { NewRun, RunRecord } from "../stores/run-store.ts";
import type { Command, RunState } from "../state-machine/state.ts";
import { initialState, transition } from "../state-machine/transition.ts";

/** A run that is to begin now. */
export interface Beginning {
  readonly plan: Plan;
  readonly request: Omit<RunRequest, "notBefore" | "createdAt">;
  /** With what it takes over from an earlier run; absent for one that starts from nothing. */
  readonly again?: { readonly rerunOf: string; readonly state: RunState; readonly id?: string | undefined };
}

export interface RunStarterOptions {
  readonly store: Pick<KeptStore, "createRuns" | "savePlan" | "runByRequest">;
  readonly clock: Clock;
  readonly randomId: () => string;
  readonly active: ActiveRuns;
  /** Why, and how often, everything was cancelled: runs that were just being created must hear of it too. */
  readonly cancellation: () => { readonly count: number; readonly reason: string };
  /** A run has been made durable; what it asks for is to be carried out. Null: it still has to be told that it has started. */
  readonly begun: (run: ActiveRun, commands: readonly Command[] | null) => void;
  /** The same for one that was to be cancelled before it could begin. */
  readonly begunInVain: (run: ActiveRun, reason: string) => void;
}

export interface RunStarter {
  /** Makes the runs, all at once. Of a key that had a run already it is that one that comes back. In the order asked. */
  begin(beginnings: readonly Beginning[]): Promise<RunRecord[]>;
  savePlan(plan: Plan): Promise<void>;
}

export function createRunStarter(options: RunStarterOptions): RunStarter {
  const { store, clock, active } = options;
  const saved = new Set<string>();

  async function savePlan(plan: Plan): Promise<void> {
    if (saved.has(plan.version)) return;
    await store.savePlan(plan, clock.now());
    saved.add(plan.version);
  }

  function draft({ plan, request, again }: Beginning): {
    readonly run: NewRun;
    readonly commands: readonly Command[] | null;
  } {
    const createdAt = clock.now();
    const fresh = again?.state ?? initialState(plan, createdAt);
    const started = transition(plan, fresh, { type: "started" }, createdAt);
    // What would be told to hooks has to be stored with its run: such a one starts by a commit.
    const plain = started.commands.every(({ type }) => type !== "notify" && type !== "finish-run");
    const { key, pipeline, partition, params, trigger, scheduledFor, backfill } = request;
    return {
      run: {
        id: runId(pipeline, partition, again?.id ?? options.randomId()),
        pipeline,
        version: plan.version,
        partition,
        params,
        trigger,
        requestKey: key,
        scheduledFor,
        backfill,
        rerunOf: again?.rerunOf ?? null,
        createdAt,
        state: plain ? started.state : fresh,
      },
      commands: plain ? started.commands : null,
    };
  }

  return {
    savePlan,
    begin: async (beginnings) => {
      if (beginnings.length === 0) return [];
      const { count } = options.cancellation();
      for (const { plan } of beginnings) await savePlan(plan);
      const drafts = new Map(beginnings.map((beginning) => [beginning.request.key, draft(beginning)]));
      const plans = new Map(beginnings.map(({ request, plan }) => [request.key, plan]));
      const made = await store.createRuns([...drafts.values()].map(({ run }) => run));
      const records = new Map<string, RunRecord>();
      for (const stored of made) {
        const { requestKey } = stored.record;
        records.set(requestKey, stored.record);
        const run = active.add(stored, plans.get(requestKey)!);
        const cancelled = options.cancellation();
        if (cancelled.count !== count) options.begunInVain(run, cancelled.reason);
        else options.begun(run, drafts.get(requestKey)!.commands);
      }
      for (const { request } of beginnings) {
        if (records.has(request.key)) continue;
        const earlier = await store.runByRequest(request.key);
        if (earlier !== null) records.set(request.key, earlier);
      }
      return beginnings.flatMap(({ request }) => records.get(request.key) ?? []);
    },
  };
}

/** The id of a run. Reads as what it is, and can be typed and be a file's name whatever the partition is called. */
export function runId(pipeline: string, partition: string | null, random: string): string {
  const part = partition?.replace(/[^\p{L}\p{N}._-]+/gu, "-").slice(0, 80);
  return [pipeline, ...(part === undefined ? [] : [part]), random].join("-");
}
