// Mistakes, to be made in a copy of the engine: each is one that could be made by accident, and that nobody would notice
// until something dies at the wrong moment.

export interface PlantedChange {
  readonly name: string;
  /** Relative to src/. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export const plantedChanges: readonly PlantedChange[] = [
  {
    name: "commands are carried out before the commit is durable",
    file: "engine/scheduler/group-commit.ts",
    from: "await store.commit({",
    to: "void store.commit({",
  },
  {
    name: "a slot is not given back",
    file: "engine/attempts/attempt-runner.ts",
    from: "admission.release(due);",
    to: "if (key.epoch !== 2) admission.release(due);",
  },
  {
    name: "a slot is taken that is not there",
    file: "engine/attempts/admission.ts",
    from: "resource.used + amount > limit() + tolerance",
    to: "resource.used > limit() + tolerance",
  },
  {
    name: "the timer of a retry is forgotten when a run is taken up again",
    file: "engine/state-machine/pending-commands.ts",
    from: 'if (status === "retrying") set("retry"',
    to: 'if (status === "cancelled") set("retry"',
  },
  {
    name: "the timer of an item's retry is forgotten when a run is taken up again",
    file: "engine/state-machine/pending-commands.ts",
    from: 'work.status === "retrying"',
    to: 'work.status === "cancelled"',
  },
  {
    name: "a step that waits for other runs is forgotten when its run is taken up again",
    file: "engine/state-machine/pending-commands.ts",
    from: 'if (awaits === "run" || awaits === "past")',
    to: 'if (awaits === "past")',
  },
  {
    name: "a hook is not told when it is not listening alone",
    file: "engine/scheduler/hook-notices.ts",
    from: "return levels.map(",
    to: "return levels.slice(0, 1).map(",
  },
  {
    name: "a hook that has refused is not told again",
    file: "engine/scheduler/notice-delivery.ts",
    from: "const again = error !== null &&",
    to: "const again = error === null &&",
  },
  {
    name: "fences of a later run are not higher",
    file: "engine/attempts/assignment.ts",
    from: "fence: record.sequence * fenceSpan + epoch",
    to: "fence: fenceSpan + epoch",
  },
  {
    name: "an effect has a key of its own in each attempt",
    file: "engine/attempts/assignment.ts",
    from: "?? record.id, step, item),",
    to: "?? record.id, `${step}${epoch}`, item),",
  },
  {
    name: "a run that is made again does not keep the key of what is half done",
    file: "engine/requests/rerun.ts",
    from: "const effectRun = before.effectRun ?? runId;",
    to: "const effectRun = null;",
  },
  {
    name: "a backfill goes on without having asked for its runs",
    file: "engine/requests/backfills.ts",
    from: "await store.advanceBackfill(record, requests);",
    to: "await store.advanceBackfill(record, []);",
  },
  {
    name: "more runs begin than the pipeline allows",
    file: "engine/requests/run-queue.ts",
    from: "plan.maxActiveRuns - active.countOf(pipeline)",
    to: "plan.maxActiveRuns",
  },
  {
    name: "two ticks share a key",
    file: "engine/requests/schedule-tick.ts",
    from: "new Date(tick).toISOString()",
    to: "new Date(tick).toISOString().slice(0, 10)",
  },
  {
    name: "an instruction that was done and not answered is done once more",
    file: "engine/requests/instructions.ts",
    from: '["backfill", id]',
    to: '["backfill", id, clock.now()]',
  },
];
