// What people ask of single runs: start one, run one again, cancel it, decide for it, mark a step of it. Each may be asked
// twice, after a crash between doing and answering: what was done is then found done, and answered as if it had just been.
import type { Clock } from "../../clock.ts";
import { SluiceError } from "../../errors.ts";
import type { Json } from "../../json.ts";
import type { Plan } from "../../pipeline/plan.ts";
import type { ActiveRun, ActiveRuns } from "../scheduler/active-runs.ts";
import type { DynamicSets } from "./dynamic-sets.ts";
import type { GroupCommit } from "../scheduler/group-commit.ts";
import type { Instruction } from "../stores/instruction.ts";
import type { KeptStore } from "../scheduler/kept-store.ts";
import type { Lane } from "../scheduler/lane.ts";
import { rerunState } from "./rerun.ts";
import { checkPartition, type RunQueue } from "./run-queue.ts";
import type { RunStarter } from "./run-starter.ts";
import type { RunRecord, StoredRun } from "../stores/run-store.ts";
import { isEnd, type StepState } from "../state-machine/state.ts";
import { noSuchRun, planNamed, stepNamed } from "./subjects.ts";

type Asked<Type extends Instruction["type"]> = Extract<Instruction, { readonly type: Type }>;

export interface RunInstructionsOptions {
  readonly store: Pick<KeptStore, "dropRequests" | "plan" | "run" | "runByRequest">;
  readonly clock: Clock;
  readonly lane: Lane;
  readonly active: ActiveRuns;
  readonly commits: Pick<GroupCommit, "pushed">;
  readonly queue: RunQueue;
  readonly starter: RunStarter;
  readonly sets: DynamicSets;
  readonly plans: () => ReadonlyMap<string, Plan>;
  readonly prepareParams: (plan: Plan, raw: Json) => Promise<Json>;
}

export interface RunInstructions {
  run(asked: Asked<"run">, id: string): Promise<Json>;
  rerun(asked: Asked<"rerun">, id: string): Promise<Json>;
  /** @param again It may have been done before: a second time would also end teardowns. */
  cancel(asked: Asked<"cancel-run">, again: boolean): Promise<Json>;
  decide(asked: Asked<"decide">, by: string): Promise<Json>;
  mark(asked: Asked<"mark">, by: string): Promise<Json>;
}

export function createRunInstructions(options: RunInstructionsOptions): RunInstructions {
  const { store, clock, active, commits } = options;

  /** The run by its id or the beginning of it. One under way is spoken of as it is now, not as it was stored last. */
  async function runNamed(id: string): Promise<Pick<StoredRun, "record" | "state">> {
    const stored = active.get(id) ?? (await store.run(id));
    if (stored === null) throw noSuchRun(id);
    return active.get(stored.record.id) ?? stored;
  }

  /** A run that an instruction can still change. One that was left where it was is taken up for that alone. */
  async function openRun({ record }: Pick<StoredRun, "record">, what: string): Promise<ActiveRun> {
    const run = active.get(record.id) ?? (record.status === "running" ? await takeUp(record.id) : undefined);
    if (run !== undefined) return run;
    throw new SluiceError("USAGE", `Run ${record.id} has ${ended(record)}: ${what} any more`, {
      hint: `Run it again: sluice rerun ${record.id}`,
    });
  }

  /** In the lane, where runs are made too: none gets in twice. */
  function takeUp(id: string): Promise<ActiveRun | undefined> {
    return options.lane.run(async () => {
      const stored = await store.run(id);
      if (stored === null || stored.record.status !== "running") return active.get(id);
      const plan = await store.plan(stored.record.version);
      if (plan === null) throw new SluiceError("INTERNAL", `The plan of run ${id} is not in the store`);
      return active.get(id) ?? active.add(stored, plan);
    });
  }

  async function stepOf(
    { record, state }: Pick<StoredRun, "record" | "state">,
    name: string,
  ): Promise<{ readonly planned: ReturnType<typeof stepNamed>; readonly step: StepState }> {
    const plan = active.get(record.id)?.plan ?? (await store.plan(record.version));
    if (plan === null) throw new SluiceError("INTERNAL", `The plan of run ${record.id} is not in the store`);
    return { planned: stepNamed(plan, name), step: state.steps.get(name)! };
  }

  return {
    run: async ({ pipeline, partition, params, key }, id) => {
      const plan = planNamed(options.plans(), pipeline);
      await checkPartition(plan, partition, options.sets);
      const prepared = await options.prepareParams(plan, params);
      const now = clock.now();
      const asked = await options.queue.ask(
        {
          key: key ?? `run:${id}`,
          pipeline,
          partition,
          params: prepared,
          trigger: "manual",
          scheduledFor: null,
          backfill: null,
          notBefore: now,
          createdAt: now,
        },
        // A reload may have come between.
        planNamed(options.plans(), pipeline),
      );
      return { ...asked };
    },

    rerun: ({ run: previous, scope, step, id: chosen }, id) =>
      options.lane.run(async () => {
        const key = `rerun:${chosen ?? id}`;
        const done = await store.runByRequest(key);
        if (done !== null) return { run: done.id };
        const { record, state } = await runNamed(previous);
        if (record.status === "running") {
          throw new SluiceError("USAGE", `Run ${record.id} is still under way`, {
            hint: `Wait for it, or cancel it first: sluice cancel ${record.id}`,
          });
        }
        const plan = planNamed(options.plans(), record.pipeline);
        await checkPartition(plan, record.partition, options.sets);
        const before = await store.plan(record.version);
        if (before === null) throw new SluiceError("INTERNAL", `The plan of run ${record.id} is not in the store`);
        const again = rerunState(plan, { runId: record.id, state, plan: before }, { scope, step }, clock.now());
        if (again.steps.values().every(({ status }) => isEnd(status))) {
          throw new SluiceError("USAGE", `Nothing of run ${record.id} is left to be run: it has ${ended(record)}`, {
            hint: `Run all of it again: sluice rerun ${record.id} --all`,
          });
        }
        const { pipeline, partition, params, scheduledFor } = record;
        const request = { key, pipeline, partition, params, trigger: "rerun", scheduledFor, backfill: null } as const;
        const [made] = await options.starter.begin([
          { plan, request, again: { rerunOf: record.id, state: again, id: chosen } },
        ]);
        return { run: made!.id };
      }),

    cancel: async ({ run: id, reason }, again) => {
      const found = active.get(id) ?? (await store.run(id));
      if (found === null) {
        // A run that has not begun has the key of its request in place of an id.
        const dropped = await options.lane.run(() => store.dropRequests({ key: id }));
        if (dropped === 0) throw noSuchRun(id);
        options.queue.abandon(new SluiceError("CANCELLED", `The request ${id} was taken back: ${reason}`), [id]);
        return { request: id };
      }
      const { record } = found;
      if (record.status === "cancelled") return { run: record.id };
      const run = await openRun(found, "it can't be cancelled");
      if (!again || run.state.ending === null) await commits.pushed(run, { type: "cancelled", reason });
      return { run: record.id };
    },

    decide: async (asked, by) => {
      const { run: id, step: name, decision, note } = asked;
      const found = await runNamed(id);
      const { planned, step } = await stepOf(found, name);
      if (planned.control.type !== "approve") {
        throw new SluiceError("USAGE", `Step "${name}" is not an approval: nobody has to decide about it`, {
          hint: "To say how it ends whatever it does, mark it: sluice mark.",
        });
      }
      const answer = { run: found.record.id, step: name, decision };
      if (isDecided(step, asked, by)) return answer;
      if (isEnd(step.status)) throw alreadyEnded(found.record, name, step);
      const run = await openRun(found, "nothing waits for a decision");
      if (step.awaits !== "decision") {
        throw new SluiceError("USAGE", `Step "${name}" does not wait for a decision yet: it is ${step.status}`, {
          hint: `See what it waits for: sluice why ${found.record.id}`,
        });
      }
      await commits.pushed(run, { type: "decided", step: name, decision, by, note });
      // Somebody else may have been quicker.
      const after = run.state.steps.get(name)!;
      if (!isDecided(after, asked, by)) throw alreadyEnded(run.record, name, after);
      return answer;
    },

    mark: async ({ run: id, step: name, as, reason }, by) => {
      const found = await runNamed(id);
      const { step } = await stepOf(found, name);
      if (reason.trim() === "") {
        throw new SluiceError("USAGE", `Step "${name}" can't be marked without a reason`, {
          hint: "Say why in a few words: it is kept with the run.",
        });
      }
      const answer = { run: found.record.id, step: name, as };
      const mark = `marked ${as} by ${by}: ${reason}`;
      if (step.reason === mark) return answer;
      if (isEnd(step.status)) throw alreadyEnded(found.record, name, step);
      const run = await openRun(found, "its steps can't be marked");
      await commits.pushed(run, { type: "marked", step: name, as, by, reason });
      const after = run.state.steps.get(name)!;
      if (after.reason !== mark) throw alreadyEnded(run.record, name, after);
      return answer;
    },
  };
}

/** Has just this been decided, by just this person? Then it was done before, and only the answer was lost. */
function isDecided(
  { status, output, reason, error }: StepState,
  { step, decision, note }: Asked<"decide">,
  by: string,
): boolean {
  if (!isEnd(status)) return false;
  if (decision === "approved") {
    const known = output as { readonly decision?: unknown; readonly by?: unknown } | null;
    return status === "succeeded" && known?.decision === "approved" && known.by === by;
  }
  const rejected = `rejected by ${by}${note === null ? "" : `: ${note}`}`;
  return reason === rejected || error?.message === `Step "${step}" was ${rejected}`;
}

function alreadyEnded({ id }: RunRecord, name: string, { status, reason }: StepState): SluiceError {
  const how = reason === null ? "" : ` (${reason})`;
  return new SluiceError("USAGE", `Step "${name}" of run ${id} has ended already: ${status}${how}`, {
    hint: `To do it again: sluice rerun ${id} --step ${name}`,
  });
}

function ended({ status }: RunRecord): string {
  return status === "cancelled" ? "been cancelled" : status;
}
