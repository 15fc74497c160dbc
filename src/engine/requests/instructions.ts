// Does what the scheduler is told to, each instruction once: asked in this process, or left in the store by another, where
// it is answered. Everything that is made bears the instruction's id in its key, so that an instruction that was done when
// the process died, and not yet answered, makes nothing a second time.
import type { Clock } from "../../clock.ts";
import { SluiceError, toFailure } from "../../errors.ts";
import { contentHash, type Json } from "../../json.ts";
import { fixSelection, selectPartitions } from "../../pipeline/partition-selection.ts";
import { partitionAt } from "../../pipeline/partition.ts";
import type { Plan } from "../../pipeline/plan.ts";
import type { Backfills } from "./backfills.ts";
import { setsOf, type DynamicSets } from "./dynamic-sets.ts";
import type { Instruction, InstructionRecord } from "../stores/instruction.ts";
import type { KeptStore } from "../scheduler/kept-store.ts";
import { createDuty, type Lane } from "../scheduler/lane.ts";
import type { BackfillRecord, RunRequest } from "../stores/request-store.ts";
import type { RunInstructions } from "./run-instructions.ts";
import type { Schedules } from "./schedules.ts";
import { noPartitions, planNamed } from "./subjects.ts";
import { isInForce } from "./update-due.ts";

type Asked<Type extends Instruction["type"]> = Extract<Instruction, { readonly type: Type }>;

/** Instructions of other processes that are taken at a time. */
const page = 100;

export interface InstructionsOptions {
  readonly store: Pick<
    KeptStore,
    "addPartitionKeys" | "addRequests" | "answerInstruction" | "openInstructions" | "removePartitionKeys"
  >;
  readonly clock: Clock;
  readonly lane: Lane;
  readonly runs: RunInstructions;
  readonly schedules: Schedules;
  readonly backfills: Backfills;
  readonly sets: DynamicSets;
  readonly plans: () => ReadonlyMap<string, Plan>;
  readonly prepareParams: (plan: Plan, raw: Json) => Promise<Json>;
  /** Requests of the pipeline were added. */
  readonly added: (pipeline: string) => void;
  /** The scheduler has ended: what is open stays so, for the next one. */
  readonly closed: () => boolean;
  readonly failed: (error: unknown) => void;
  /** The last instruction of another process has been answered. */
  readonly idled: () => void;
}

export interface Instructions {
  /** Does it; resolves with the answer once what was done is durable. */
  perform(instruction: Instruction, by: string, id: string): Promise<Json>;
  /** Other processes may have left instructions in the store. */
  look(): void;
  readonly idle: boolean;
}

export function createInstructions(options: InstructionsOptions): Instructions {
  const { store, clock, lane, runs, schedules, backfills } = options;
  /** Ids of those of other processes that are being done. */
  const open = new Set<string>();
  const looking = createDuty(lane, work, options.failed);
  /** What is found at the first look may have been done by an earlier process. */
  let first = true;

  async function work(): Promise<void> {
    const again = first;
    const records = await store.openInstructions(page + open.size);
    first = first && records.length >= page;
    for (const record of records) if (!open.has(record.id)) void answer(record, again);
  }

  async function answer({ id, instruction, by }: InstructionRecord, again: boolean): Promise<void> {
    open.add(id);
    try {
      const answered = await perform(instruction, by, id, again).then(
        (result) => ({ result, error: null }),
        (error: unknown) => ({ result: null, error: toFailure(error) }),
      );
      if (!options.closed()) await store.answerInstruction(id, { at: clock.now(), ...answered });
    } catch {
      // The scheduler has ended: the next one finds the instruction unanswered.
    } finally {
      open.delete(id);
      if (!options.closed()) {
        // More than a page may have been left.
        if (open.size === 0) looking.soon();
        options.idled();
      }
    }
  }

  async function perform(instruction: Instruction, by: string, id: string, again: boolean): Promise<Json> {
    switch (instruction.type) {
      case "run":
        return runs.run(instruction, id);
      case "rerun":
        return runs.rerun(instruction, id);
      case "cancel-run":
        return runs.cancel(instruction, again);
      case "decide":
        return runs.decide(instruction, by);
      case "mark":
        return runs.mark(instruction, by);
      case "backfill":
        return lane.run(() => backfill(instruction, id));
      case "cancel-backfill":
        return lane.run(async () => backfillAnswer(await backfills.cancel(instruction.backfill)));
      case "resume-backfill":
        return lane.run(async () => backfillAnswer(await backfills.resume(instruction.backfill)));
      case "pause":
      case "unpause":
        return lane.run(() => pause(instruction));
      case "event":
        return event(instruction);
      case "add-partitions":
      case "remove-partitions":
        return lane.run(() => changePartitions(instruction));
      default:
        throw unknownInstruction(instruction);
    }
  }

  async function backfill({ pipeline, selection, mode, parallel }: Asked<"backfill">, id: string): Promise<Json> {
    const plan = planNamed(options.plans(), pipeline);
    const { partitions } = plan;
    if (partitions === null) throw noPartitions(pipeline);
    if (!Number.isSafeInteger(parallel) || parallel < 1) {
      throw new SluiceError("USAGE", `A backfill can't do ${parallel} runs at a time`, {
        hint: "Use a whole number from 1 up.",
      });
    }
    const now = clock.now();
    const dynamic = await options.sets.keysFor(partitions);
    selectPartitions(partitions, selection, dynamic, now);
    const fixed = fixSelection(partitions, selection, dynamic, now);
    const once = fixed.type === "keys" ? { ...fixed, keys: [...new Set(fixed.keys)] } : fixed;
    const record = await backfills.create({
      id: `${pipeline}-${contentHash(["backfill", id]).slice(0, 12)}`,
      pipeline,
      version: plan.version,
      selection: once,
      mode,
      parallel,
      position: 0,
      total: selectPartitions(partitions, once, dynamic, now).count,
      requested: 0,
      succeeded: 0,
      failed: 0,
      status: "running",
      createdAt: now,
      finishedAt: null,
    });
    return { backfill: record.id, total: record.total };
  }

  async function pause({ type, pipeline }: Asked<"pause" | "unpause">): Promise<Json> {
    const plan = planNamed(options.plans(), pipeline);
    if (plan.schedule === null) {
      throw new SluiceError("USAGE", `Pipeline "${pipeline}" has no schedule to ${type}`, {
        hint: "It runs only when it is asked to.",
      });
    }
    await schedules.pause(pipeline, type === "pause");
    return { pipeline, paused: type === "pause" };
  }

  /** Starts the pipelines that wait for events of this name. */
  async function event({ name, key, partition, params }: Asked<"event">): Promise<Json> {
    const listeners = [...options.plans().values()].filter(
      ({ schedule }) => schedule?.type === "on-event" && schedule.event === name,
    );
    if (listeners.length === 0) throw noSuchEvent(name, options.plans());
    const now = clock.now();
    const inForce = listeners.filter(({ schedule }) => isInForce(schedule!, now));
    const active = inForce.filter(({ pipeline }) => !schedules.isPaused(pipeline));
    const requests: RunRequest[] = [];
    for (const plan of active) {
      const prepared = await options.prepareParams(plan, params);
      for (const each of await partitionsOfEvent(plan, partition))
        requests.push(eventRequest(plan, { name, key, partition: each, params: prepared }, now));
    }
    await lane.run(() => store.addRequests(requests));
    for (const { pipeline } of active) options.added(pipeline);
    return {
      event: name,
      pipelines: active.map(({ pipeline }) => pipeline),
      paused: inForce.flatMap(({ pipeline }) =>
        active.some((other) => other.pipeline === pipeline) ? [] : [pipeline],
      ),
    };
  }

  async function partitionsOfEvent(
    { pipeline, partitions }: Plan,
    partition: string | null,
  ): Promise<(string | null)[]> {
    if (partitions === null) return [null];
    if (partition !== null) {
      partitionAt(partitions, partition, await options.sets.keysFor(partitions));
      return [partition];
    }
    throw new SluiceError(
      "USAGE",
      `Pipeline "${pipeline}" is run by this event, and needs to know for which partition`,
      {
        hint: "Tell the event with a partition.",
      },
    );
  }

  async function changePartitions({ type, set, keys }: Asked<"add-partitions" | "remove-partitions">): Promise<Json> {
    const known = new Set([...options.plans().values()].flatMap(({ partitions }) => setsOf(partitions)));
    if (!known.has(set)) {
      throw new SluiceError("NOT_FOUND", `No pipeline has a dynamic set of partitions "${set}"`, {
        hint:
          known.size === 0
            ? `Define one: partitions: dynamicPartitions("${set}").`
            : `There are ${[...known].join(", ")}.`,
      });
    }
    for (const key of keys) partitionAt({ type: "dynamic", set }, key);
    const changed =
      type === "add-partitions"
        ? await store.addPartitionKeys(set, keys, clock.now())
        : await store.removePartitionKeys(set, keys);
    options.sets.forget(set);
    return { set, changed };
  }

  return {
    perform: (instruction, by, id) => perform(instruction, by, id, false),
    look: looking.soon,
    get idle() {
      return open.size === 0;
    },
  };
}

function backfillAnswer({ id, status, total }: BackfillRecord): Json {
  return { backfill: id, status, total };
}

function eventRequest(
  { pipeline }: Plan,
  { name, key, partition, params }: Pick<Asked<"event">, "name" | "key" | "partition" | "params">,
  now: number,
): RunRequest {
  return {
    key: `event:${name}:${key}:${pipeline}`,
    pipeline,
    partition,
    params,
    trigger: "event",
    scheduledFor: null,
    backfill: null,
    notBefore: now,
    createdAt: now,
  };
}

function noSuchEvent(name: string, plans: ReadonlyMap<string, Plan>): SluiceError {
  const events = [...plans.values()].flatMap(({ schedule }) => (schedule?.type === "on-event" ? [schedule.event] : []));
  return new SluiceError("NOT_FOUND", `No pipeline waits for an event "${name}"`, {
    hint:
      events.length === 0
        ? `Let one do so: schedule: { onEvent: "${name}" }.`
        : `Pipelines wait for ${[...new Set(events)].join(", ")}.`,
  });
}

function unknownInstruction(instruction: unknown): SluiceError {
  const type = (instruction as { readonly type?: unknown } | null)?.type;
  return new SluiceError("USAGE", `"${String(type)}" is not an instruction`, {
    hint: "The asking process may be of another version of sluice than the one that holds the state folder.",
  });
}
