// People in a simulated world, and other programs: they ask when it is time, ask again when they were not answered, decide
// what they are asked, and in the end see to what waits for runs that never came.
import type { Instruction } from "../../src/engine/stores/instruction.ts";
import { isEnd, type StepState } from "../../src/engine/state-machine/state.ts";
import { isSluiceError, SluiceError } from "../../src/errors.ts";
import type { RunRecord } from "../../src/engine/stores/run-store.ts";
import { overlappingPartitions, previousPartition, type Partitions } from "../../src/pipeline/partition.ts";
import { hour } from "./drawn-pipeline.ts";
import type { SimulatedProcess } from "./process.ts";
import { behaviourOf } from "./workload.ts";
import type { KnownRun, World } from "./world.ts";

interface Request {
  readonly id: string;
  readonly way: "store" | "call";
  readonly instruction: Instruction;
  state: "to ask" | "asked" | "answered";
}

export interface People {
  /** When they next look at what there is to do, in milliseconds after the start. */
  nextAt(): number;
  /** Do what there is to do by now. */
  act(self: SimulatedProcess): Promise<void>;
  /** The process they were talking to is gone. */
  hungUp(): void;
  /** Is there nobody left who waits for an answer? */
  content(): Promise<boolean>;
  readonly asked: readonly { readonly id: string; readonly instruction: Instruction }[];
}

/** The reason with which a step is marked that waits in vain. */
export const givenUp = "what it waits for will not come";

const roundLength = 7 * 60_000;

export function createPeople(world: World): People {
  const { workload, store, time } = world;
  const wishes = [...workload.script];
  const requests = new Map<string, Request>();
  let nextRound = roundLength;

  const want = (request: Omit<Request, "state">): void => {
    if (!requests.has(request.id)) requests.set(request.id, { ...request, state: "to ask" });
  };

  async function fulfilWishes(): Promise<void> {
    while (wishes.length > 0 && wishes[0]!.at <= time.passed()) {
      const { id, way, ask } = wishes.shift()!;
      const runs = [...world.runs.values()].map(({ stored }) => stored.record);
      const instruction = ask(runs, world.chance);
      if (instruction !== null) want({ id, way, instruction });
    }
  }

  /** What a person sees who looks at the runs from time to time. */
  async function round(): Promise<void> {
    for (const run of openRuns()) {
      for (const [name, step] of run.stored.state.steps) {
        if (step.awaits !== "decision") continue;
        const { decision } = behaviourOf(workload, run.pipeline, run.identity, name, null);
        if (decision === null) continue;
        const instruction: Instruction = { type: "decide", run: run.record.id, step: name, decision, note: null };
        // Whoever finds it still undecided says so again.
        const id = `decide ${run.record.id}/${name}`;
        const said = [...requests.values()].filter((request) => request.id.startsWith(id));
        if (said.every(({ state }) => state === "answered"))
          want({ id: `${id} ${said.length + 1}`, way: anyWay(), instruction });
      }
    }
    if (await nothingElseMoves()) giveUpOne();
  }

  const openRuns = (): KnownRun[] =>
    [...world.runs.values()].filter(({ stored }) => stored.record.status === "running");
  const anyWay = (): "store" | "call" => world.chance.pick(["store", "call"] as const);

  /** Is everything that is left waiting for runs that nobody has asked for? */
  async function nothingElseMoves(): Promise<boolean> {
    if (Math.min(time.passed(), time.now() - workload.start) < workload.horizon + hour / 2 || wishes.length > 0)
      return false;
    if (openRuns().some(({ stored }) => stored.state.steps.values().some(isMoving))) return false;
    // A request that waits for room waits for the runs that have it.
    for (const { pipeline, backfill } of await store.requests({ limit: 100 })) {
      const open = openRuns().filter(({ record }) => record.pipeline === pipeline && record.backfill === backfill);
      if (open.length === 0) return false;
    }
    return (await store.backfills({ status: "running", limit: 100 })).every(({ id }) =>
      openRuns().some(({ record }) => record.backfill === id),
    );
  }

  /** One at a time, and in an order that is the same in every world: who is given up may be what another one waits for. */
  function giveUpOne(): void {
    const held = openRuns().flatMap(({ identity, record, stored }) =>
      [...stored.state.steps].flatMap(([step, { status }]) =>
        status === "held" ? [{ name: `${identity}/${step}`, run: record.id, step }] : [],
      ),
    );
    const [first] = held.sort((a, b) => (a.name < b.name ? -1 : 1));
    if (first === undefined) return;
    const { run, step } = first;
    if (isThere(world, world.runs.get(run)!, step)) world.breaches.push(`${run} ${step} waits for runs that are there`);
    want({
      id: `give up ${run}/${step}`,
      way: anyWay(),
      instruction: { type: "mark", run, step, as: "failed", reason: givenUp },
    });
  }

  async function ask(self: SimulatedProcess, request: Request): Promise<void> {
    if (request.way === "store") {
      const { id, instruction } = request;
      request.state = "asked";
      const [createdAt, none] = [time.now(), { answeredAt: null, result: null, error: null }];
      await store.addInstruction({ id, instruction, by: "ann", createdAt, ...none });
      if (self.alive && self.ready) self.scheduler.wake();
      return;
    }
    if (!self.alive || !self.ready) return;
    request.state = "asked";
    world.trace?.push(`ann asks ${request.id}: ${JSON.stringify(request.instruction)}`);
    self.scheduler.instruct(request.instruction, "ann").then(
      (result) => {
        world.trace?.push(`ann hears of ${request.id}: ${JSON.stringify(result)}`);
        if (self.alive) request.state = "answered";
        return result;
      },
      (error: unknown) => {
        world.trace?.push(`ann hears of ${request.id}: ${String(error)}`);
        if (!self.alive) return;
        // What can't be is told at once; what only could not be made durable is asked again.
        request.state = isFinal(error) ? "answered" : "to ask";
        if (request.state === "to ask") self.refused = true;
      },
    );
  }

  /** Who asks through the store finds the answer there. */
  async function hearAnswers(): Promise<void> {
    for (const request of requests.values()) {
      if (request.way !== "store" || request.state !== "asked") continue;
      const found = await store.instruction(request.id);
      if (found !== null && found.answeredAt !== null) request.state = "answered";
    }
  }

  /** Nobody takes a thing back before having heard that it was done. */
  function mustWait({ instruction }: Request): boolean {
    if (instruction.type !== "unpause" && instruction.type !== "resume-backfill") return false;
    return [...requests.values()].some(
      (other) =>
        other.state !== "answered" &&
        ((instruction.type === "unpause" &&
          other.instruction.type === "pause" &&
          other.instruction.pipeline === instruction.pipeline) ||
          (instruction.type === "resume-backfill" &&
            other.instruction.type === "cancel-backfill" &&
            other.instruction.backfill === instruction.backfill)),
    );
  }

  const waiting = (): Request[] => [...requests.values()].filter(({ state }) => state === "to ask");

  return {
    nextAt: () => {
      const times = [nextRound, ...(wishes.length > 0 ? [wishes[0]!.at] : [])];
      return Math.min(...times);
    },
    act: async (self) => {
      await fulfilWishes();
      if (time.passed() >= nextRound) {
        nextRound = time.passed() + roundLength;
        await round();
        // The net under everything that was written by another process and not heard of.
        if (self.alive && self.ready) self.scheduler.wake();
      }
      await hearAnswers();
      for (const request of waiting()) if (!mustWait(request)) await ask(self, request);
    },
    hungUp: () => {
      for (const request of requests.values()) {
        if (request.way === "call" && request.state === "asked") request.state = "to ask";
      }
    },
    content: async () => {
      await hearAnswers();
      return wishes.length === 0 && [...requests.values()].every(({ state }) => state === "answered");
    },
    get asked() {
      return [...requests.values()].filter(({ state }) => state === "answered");
    },
  };
}

/** Is there a run for each of the partitions that the step waits for, whole and successful? */
function isThere({ runs, workload }: World, { plan, record, stored }: KnownRun, step: string): boolean {
  const { control } = plan.steps.find(({ name }) => name === step)!;
  if (stored.state.steps.get(step)!.awaits === "past") return isPastThere(runs, record, plan.partitions, step);
  if (control.type !== "await-run" || control.step !== null) return false;
  const other = workload.pipelines.find((pipeline) => pipeline.plan.pipeline === control.pipeline)!.plan;
  const found = [...runs.values()]
    .map(({ stored }) => stored.record)
    .filter(({ pipeline }) => pipeline === other.pipeline);
  // Without a partition to go by it is the newest run that counts.
  if (other.partitions === null || plan.partitions === null || record.partition === null)
    return found.sort((a, b) => a.sequence - b.sequence).at(-1)?.status === "succeeded";
  const wanted = overlappingPartitions(plan.partitions, record.partition, control.offset, other.partitions);
  return wanted.every((partition) => found.some((run) => run.status === "succeeded" && run.partition === partition));
}

/** Has the step of the partition before succeeded, in its newest run, or was it skipped? */
function isPastThere(
  runs: World["runs"],
  { pipeline, partition }: RunRecord,
  partitions: Partitions | null,
  step: string,
): boolean {
  const before = partitions === null || partition === null ? null : previousPartition(partitions, partition);
  const found = [...runs.values()].filter(({ record }) => record.pipeline === pipeline && record.partition === before);
  const newest = found.sort((a, b) => a.record.sequence - b.record.sequence).at(-1);
  const status = newest?.stored.state.steps.get(step)!.status;
  return before === null || status === "succeeded" || status === "skipped";
}

/** Will the step go on by itself, or when it is decided? */
function isMoving({ status, awaits }: StepState): boolean {
  return !isEnd(status) && status !== "waiting" && (status !== "held" || awaits === "decision");
}

function isFinal(error: unknown): boolean {
  const codes: readonly SluiceError["code"][] = ["USAGE", "NOT_FOUND"];
  return isSluiceError(error) && codes.includes(error.code);
}
