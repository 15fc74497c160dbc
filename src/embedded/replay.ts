// Prepares a replay: which rows of quarantine are judged again, in which run, and whether what follows can take them alone.
// It writes them where the step finds them; the run itself is the scheduler's.
import { randomBytes } from "node:crypto";
import { openArtifactStore } from "../adapters/file-system/artifact-store.ts";
import { openQuarantineStore } from "../adapters/sqlite/quarantine-store.ts";
import type { Dataset } from "../dataset/dataset.ts";
import { idempotencyKey } from "../engine/attempts/assignment.ts";
import { runId } from "../engine/requests/run-starter.ts";
import type { RunRecord, StoredRun } from "../engine/stores/run-store.ts";
import { SluiceError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import type { Plan, PlanStep } from "../pipeline/plan.ts";
import type { QuarantineGroup, QuarantineStore, ReplayedRow } from "../quality/quarantine-store.ts";
import type { Reader } from "./reader.ts";
import { outputReader } from "./spilled-output.ts";

export interface ReplayRequest {
  readonly pipeline: string;
  /** Undefined where only one step of the pipeline sets rows aside. */
  readonly step: string | undefined;
  /** Null in a pipeline without partitions. */
  readonly partition: string | null;
  /** Undefined where only one run has left rows. */
  readonly run: string | undefined;
  /** Rows in place of those at their records; a record that is not named stays as it was delivered. */
  readonly mended: ReadonlyMap<number, JsonObject>;
}

export interface PreparedReplay {
  /** The run that is run again, and the step from which. */
  readonly run: string;
  readonly step: string;
  /** What the id of the new run ends in. */
  readonly id: string;
  readonly mode: "whole" | "rows";
  readonly rows: number;
}

/** A replay that is under way is not prepared again: it is to be followed. */
export interface RunningReplay {
  readonly running: string;
}

/**
 * Stages the rows. Steps that replace what they load are given all rows again, with the mended ones in their places; steps
 * that add to it are given the quarantined rows alone.
 */
export async function prepareReplay(
  reader: Reader,
  plans: (pipeline: string) => Promise<Plan>,
  request: ReplayRequest,
): Promise<PreparedReplay | RunningReplay> {
  const { pipeline, partition } = request;
  const engine = reader.store();
  const quarantine = openQuarantineStore(reader.home.quarantine);
  try {
    const newest = await engine.newestRun(pipeline, partition);
    if (newest?.status === "running") return await underWay(quarantine, newest, await plans(pipeline));
    const group = await groupOf(reader, request);
    const plan = await plans(pipeline);
    const planned = plan.steps.find(({ name }) => name === group.step);
    if (planned?.kind !== "validate") {
      throw new SluiceError(
        "USAGE",
        `Step "${group.step}" is ${planned === undefined ? "no step of the pipeline any more" : `a ${planned.kind} step`}: its rows can't be judged again`,
        {
          hint: "Mend the source, then run the partition again.",
        },
      );
    }
    const base = await engine.run(group.runId);
    if (base === null) {
      throw new SluiceError("NOT_FOUND", `Run ${group.runId}, which set these rows aside, is not stored any more`, {
        hint: `Run the partition again: sluice run ${pipeline}${partition === null ? "" : ` --partition ${partition}`}`,
      });
    }
    const mode = modeOf(plan, planned);
    if (mode === "whole") await refuseOlder(reader, group);
    if (mode === "rows") {
      const loads = followers(plan, planned).filter(({ kind }) => kind === "load");
      const [missing] = await notLoaded(reader, base, planned, loads);
      if (missing !== undefined) {
        throw new SluiceError(
          "USAGE",
          `Run ${base.record.id} has not loaded its own rows yet (step "${missing.name}")`,
          {
            hint: `Let it finish first: sluice rerun ${base.record.id}`,
          },
        );
      }
    }
    const id = randomBytes(6).toString("hex");
    const key = idempotencyKey(runId(pipeline, partition, id), planned.name, null);
    const place = { pipeline, step: group.step, partition, run: group.runId };
    checkRecords(request, await recordsOf(quarantine, place));
    const rows = await quarantine.stage(
      {
        key,
        pipeline,
        step: group.step,
        partition,
        delivery: group.delivery,
        mode,
        before: mode === "rows" ? await goneOn(reader, base.record.id, planned) : null,
        at: Date.now(),
      },
      mode === "rows" ? allRows(quarantine, place, request) : [mendedRows(request)],
    );
    return { run: group.runId, step: group.step, id, mode, rows: mode === "rows" ? rows : group.rows };
  } finally {
    quarantine.close();
  }
}

/** Valid rows of the delivery that went on, in the run and in those that it had replayed. */
async function goneOn(reader: Reader, run: string, { name }: PlanStep): Promise<number> {
  const { artifacts, temporary } = reader.home;
  const outputs = outputReader(openArtifactStore({ artifacts, temporary }));
  const step = (await reader.store().steps(run)).find((one) => one.name === name);
  const { rows, before = 0 } = (await outputs.read(step?.output ?? null)) as Dataset;
  return rows + before;
}

/** The loads that neither the run nor one that took its judged rows over has done. */
async function notLoaded(
  reader: Reader,
  base: StoredRun,
  judge: PlanStep,
  loads: readonly PlanStep[],
): Promise<PlanStep[]> {
  const store = reader.store();
  const hasDone = async (run: string, load: PlanStep): Promise<boolean> =>
    (await store.steps(run)).some(({ name, status }) => name === load.name && status === "succeeded");
  let missing = loads.filter(({ name }) => base.state.steps.get(name)?.status !== "succeeded");
  if (missing.length === 0) return [];
  const { id, pipeline, partition, sequence } = base.record;
  const later: RunRecord[] = [];
  for (let before = Number.MAX_SAFE_INTEGER; ;) {
    const page = await store.runs({ pipeline, ...(partition === null ? {} : { partition }), before, limit: 500 });
    later.push(...page.filter((run) => run.sequence > sequence && run.rerunOf !== null));
    before = page.at(-1)?.sequence ?? 0;
    if (before <= sequence) break;
  }
  const same = new Set([id]);
  for (const run of later.reverse()) {
    if (!same.has(run.rerunOf!)) continue;
    const judged = (await store.steps(run.id)).find(({ name }) => name === judge.name);
    if (judged === undefined || judged.reusedFrom === null) continue;
    same.add(run.id);
    const done = await Promise.all(missing.map((load) => hasDone(run.id, load)));
    missing = missing.filter((_, at) => !done[at]);
  }
  return missing;
}

async function underWay(quarantine: QuarantineStore, run: RunRecord, plan: Plan): Promise<RunningReplay> {
  for (const { name } of plan.steps) {
    if ((await quarantine.staged(idempotencyKey(run.id, name, null))) !== null) return { running: run.id };
  }
  throw new SluiceError("USAGE", `Run ${run.id} is still under way`, {
    hint: `Wait for it, or cancel it first: sluice cancel ${run.id}`,
  });
}

async function groupOf(reader: Reader, { pipeline, step, partition, run }: ReplayRequest): Promise<QuarantineGroup> {
  const all = await reader.quarantine({
    pipeline,
    ...(step === undefined ? {} : { step }),
    ...(run === undefined ? {} : { run }),
  });
  const groups = all.filter((group) => group.partition === partition);
  const where = `${pipeline}${partition === null ? "" : `, partition ${partition}`}${step === undefined ? "" : `, step ${step}`}`;
  const [group, other] = groups;
  if (group === undefined) {
    throw new SluiceError("NOT_FOUND", `No row of ${where} is in quarantine`, { hint: "See: sluice quarantine list" });
  }
  if (other !== undefined && groups.every((one) => one.step === group.step)) {
    const [oldest] = groups.slice(-1);
    throw new SluiceError("USAGE", `Several runs of ${where} have rows in quarantine: ${groups.length}`, {
      hint: `Replay those of one after the other: --run ${oldest!.runId} is the oldest.`,
      details: { runs: groups.map((one) => one.runId) },
    });
  }
  if (other !== undefined) {
    throw new SluiceError(
      "USAGE",
      `Several steps of ${where} have rows in quarantine: ${groups.map((one) => one.step).join(", ")}`,
      {
        hint: "Name one with --step.",
      },
    );
  }
  return group;
}

/** What an older delivery held must not take the place of a newer one's. */
async function refuseOlder(reader: Reader, { pipeline, step, partition, runId, at }: QuarantineGroup): Promise<void> {
  const newer = (await reader.quarantine({ pipeline, step })).find(
    (other) => other.partition === partition && other.at > at,
  );
  if (newer === undefined) return;
  throw new SluiceError(
    "USAGE",
    `Run ${newer.runId} has loaded after run ${runId}, and a load here replaces what is there`,
    {
      hint: "Let the load append or merge, or mend the source and run again.",
    },
  );
}

/** Steps behind one, however far. */
function followers(plan: Plan, from: PlanStep): PlanStep[] {
  const behind = new Set([from.name]);
  return plan.steps.filter((step) => {
    if (!step.dependsOn.some((name) => behind.has(name)) || step.name === from.name) return false;
    behind.add(step.name);
    return true;
  });
}

/** Kinds that do right by some rows as by all. */
const takeSome = new Set(["load", "gate", "task", "drift", "expect", "branch", "short-circuit", "approval"]);

function modeOf(plan: Plan, planned: PlanStep): "whole" | "rows" {
  const behind = followers(plan, planned);
  const loads = behind.filter(({ kind }) => kind === "load");
  const adds = ({ config }: PlanStep): boolean => {
    const write = (config as { readonly write?: unknown }).write;
    return write !== "replace" && write !== "replace-partition";
  };
  const adding = loads.filter(adds);
  if (adding.length === 0) return "whole";
  const hint = 'Let the load replace what it loads (write: "replace-partition"), or mend the source and run again.';
  const replacing = loads.find((step) => !adds(step));
  if (replacing !== undefined) {
    throw new SluiceError(
      "USAGE",
      `Step "${adding[0]!.name}" adds rows and step "${replacing.name}" replaces them: no replay is right for both`,
      { hint },
    );
  }
  const whole = behind.find(({ kind }) => !takeSome.has(kind));
  if (whole !== undefined) {
    throw new SluiceError(
      "USAGE",
      `Step "${whole.name}" (${whole.kind}) needs all rows, and step "${adding[0]!.name}" would add them twice`,
      { hint },
    );
  }
  return "rows";
}

type Place = Pick<QuarantineGroup, "pipeline" | "step" | "partition"> & { readonly run: string };

async function recordsOf(quarantine: QuarantineStore, place: Place): Promise<ReadonlySet<number>> {
  const records = new Set<number>();
  for await (const page of pages(quarantine, place)) for (const { record } of page) records.add(record);
  return records;
}

function checkRecords({ mended }: ReplayRequest, known: ReadonlySet<number>): void {
  const unknown = [...mended.keys()].find((record) => !known.has(record));
  if (unknown === undefined) return;
  throw new SluiceError("USAGE", `Record ${unknown} is not in quarantine`, {
    hint: "Mend the rows of a fresh export: sluice quarantine export.",
  });
}

function mendedRows({ mended }: ReplayRequest): ReplayedRow[] {
  return [...mended].map(([record, row]) => ({ record, row })).sort((a, b) => a.record - b.record);
}

async function* allRows(
  quarantine: QuarantineStore,
  place: Place,
  { mended }: ReplayRequest,
): AsyncGenerator<ReplayedRow[]> {
  for await (const page of pages(quarantine, place)) {
    yield page.map(({ record, row }) => ({ record, row: mended.get(record) ?? row }));
  }
}

async function* pages(quarantine: QuarantineStore, place: Place): AsyncGenerator<readonly ReplayedRow[]> {
  for (let after = 0; ;) {
    const page = await quarantine.show({ ...place, after, limit: 1_000 });
    if (page.length === 0) return;
    after = page.at(-1)!.id;
    yield page;
  }
}
