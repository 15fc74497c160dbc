// How runs get into the store in memory, and how a commit changes them: whatever can fail comes before the first
// change, so that all of a batch takes place or none of it. Nothing here depends on how many runs there are.
import { SluiceError } from "../../errors.ts";
import { copy, type MemoryRun, type MemoryStep, type MemoryTables } from "./memory-tables.ts";
import type { NewRun, RunUpdate, StoredRun } from "./run-store.ts";
import type { RunState, RunStatus, StepState } from "../state-machine/state.ts";
import { NamedList } from "../../named-list.ts";

/** Adds those whose keys have no run yet. `sequence` is the last one given. */
export function createMemoryRuns(
  tables: MemoryTables,
  wanted: readonly NewRun[],
  sequence: number,
  isPlan: (version: string) => boolean,
): StoredRun[] {
  const made = new Map<string, { run: MemoryRun; state: RunState }>();
  const keys = new Set<string>();
  for (const { state, ...facts } of wanted) {
    if (tables.byRequest.has(facts.requestKey) || keys.has(facts.requestKey)) continue;
    if (tables.runs.has(facts.id) || made.has(facts.id))
      throw new SluiceError("INTERNAL", `There is already a run ${facts.id}`);
    if (!isPlan(facts.version)) throw new SluiceError("INTERNAL", `The plan of run ${facts.id} is not in the store`);
    const { status, finishedAt } = state;
    const run: MemoryRun = {
      record: copy({ ...facts, sequence: sequence + made.size + 1, status, finishedAt }),
      revision: 0,
      header: headerOf(state),
      steps: new Map([...state.steps].map(([name, step]) => [name, newStep(step)])),
      attempts: new Map(),
      live: new Map(),
      logs: [],
      notices: [],
    };
    made.set(facts.id, { run, state });
    keys.add(facts.requestKey);
  }
  for (const { requestKey } of wanted) tables.requests.delete(requestKey);
  return [...made.values()].map(({ run, state }) => {
    const { id, requestKey, pipeline, partition } = run.record;
    tables.runs.set(id, run);
    tables.byRequest.set(requestKey, run);
    const partitions = tables.partitions.get(pipeline) ?? new Map();
    tables.partitions.set(pipeline, partitions);
    partitions.set(partition, { newest: run, succeeded: partitions.get(partition)?.succeeded ?? null });
    settle(tables, run);
    return { record: copy(run.record), state, revision: 0 };
  });
}

/** What makes the changes, once everything that can be wrong with them has been looked for. */
export function prepareUpdates(tables: MemoryTables, updates: readonly RunUpdate[]): () => void {
  /** How far runs are within the batch, for those that are in it twice. */
  const ahead = new Map<string, { revision: number; status: RunStatus }>();
  const changes = updates.map((update) => {
    const run = tables.runs.get(update.runId);
    const { revision, status } = ahead.get(update.runId) ?? { revision: run?.revision, status: run?.record.status };
    if (run === undefined || revision !== update.expectedRevision) throw changedByAnother(update.runId);
    if (status !== "running") throw endedRun(update.runId);
    ahead.set(update.runId, { revision: revision + 1, status: update.state.status });
    return prepareUpdate(tables, run, update);
  });
  return () => {
    for (const change of changes) change();
  };
}

/** Only the steps and items that are named are taken, so that a scheduler that forgets to name one is found out here too. */
function prepareUpdate(tables: MemoryTables, run: MemoryRun, { state, changed }: RunUpdate): () => void {
  const header = headerOf(state);
  const steps = changed.map(({ step, items }) => {
    const known = run.steps.get(step);
    const next = state.steps.get(step);
    if (known === undefined || next === undefined)
      throw new SluiceError("INTERNAL", `Run ${run.record.id} has no step "${step}"`);
    const texts = items.map((position) => [position, JSON.stringify(next.items![position])] as const);
    return { known, text: textOf(next), items: next.items === null ? null : texts };
  });
  return () => {
    for (const { known, text, items } of steps) {
      known.text = text;
      if (items === null) continue;
      known.items ??= [];
      for (const [position, item] of items) known.items[position] = item;
    }
    run.header = header;
    run.revision += 1;
    if (state.status === "running") return;
    run.record = { ...run.record, status: state.status, finishedAt: state.finishedAt };
    settle(tables, run);
  };
}

/** Puts a run where those of its status are found. */
function settle(tables: MemoryTables, run: MemoryRun): void {
  const { id, pipeline, partition, status, sequence } = run.record;
  if (status === "running") tables.unfinished.set(id, run);
  else tables.unfinished.delete(id);
  const known = tables.partitions.get(pipeline)!.get(partition)!;
  if (status === "succeeded" && sequence >= (known.succeeded?.record.sequence ?? 0)) known.succeeded = run;
}

export function loadRun(run: MemoryRun): StoredRun {
  const steps = NamedList.from([...run.steps].map(([name, step]) => [name, loadStep(step)]));
  return {
    record: copy(run.record),
    state: { ...(JSON.parse(run.header) as Omit<RunState, "steps">), steps },
    revision: run.revision,
  };
}

function loadStep({ text, items }: MemoryStep): StepState {
  const step = JSON.parse(text) as Omit<StepState, "items">;
  return { ...step, items: items?.map((item) => JSON.parse(item) as NonNullable<StepState["items"]>[number]) ?? null };
}

function newStep(step: StepState): MemoryStep {
  return { text: textOf(step), items: step.items?.map((item) => JSON.stringify(item)) ?? null };
}

function textOf(step: StepState): string {
  return JSON.stringify({ ...step, items: undefined });
}

function headerOf({ steps: _steps, ...header }: RunState): string {
  return JSON.stringify(header);
}

function changedByAnother(runId: string): SluiceError {
  return new SluiceError("FENCED", `Run ${runId} was changed by another process`, {
    hint: "Only one scheduler may work on a state folder at a time.",
  });
}

function endedRun(runId: string): SluiceError {
  return new SluiceError("INTERNAL", `Run ${runId} has ended and can't change any more`);
}
