// What can go wrong in a simulated world, one thing at a time.
import { diskFull } from "../../src/errors.ts";
import { hour } from "./drawn-pipeline.ts";
import type { Operation, SimulatedProcess } from "./process.ts";
import { booksOf, tell, workName, type Attempt } from "./workers.ts";
import type { World } from "./world.ts";

/** "dies": the process is to be killed. */
export type Consequence = "dies" | "goes on";

/** More losses in a row would end the step, which the world without faults does not do. */
const lossesAllowed = 3;

/** Something goes wrong that can go wrong now. */
export async function mishap(world: World, self: SimulatedProcess, stragglers: Set<Operation>): Promise<Consequence> {
  const { chance } = world;
  const operations = [...self.operations];
  const attempts = [...self.attempts].filter((attempt) => mayBeLost(world, attempt));
  const kinds: (() => Promise<Consequence> | Consequence)[] = [() => end(world, self), () => jump(world)];
  // What is rarely possible is likely when it is.
  if (operations.length > 0) kinds.push(() => refuse(world, chance.pick(operations)));
  if (attempts.length > 0)
    for (let times = 0; times < 4; times += 1) kinds.push(() => lose(world, self, chance.pick(attempts)));
  if (stragglers.size > 0)
    for (let times = 0; times < 2; times += 1) kinds.push(() => arriveLate(world, self, stragglers));
  if (self.tellings.size > 0) for (let times = 0; times < 2; times += 1) kinds.push(() => loseAnswer(world, self));
  return chance.pick(kinds)();
}

function end(world: World, self: SimulatedProcess): Consequence {
  if (world.chance.chance(0.6)) {
    world.count("process dies");
    world.trace?.push("the process dies");
  } else {
    world.count("process told to stop");
    world.trace?.push("the process is told to stop");
    self.scheduler.stop();
  }
  return "dies";
}

/** An hour, as where somebody sets the wrong zone; or some seconds, as a time server does. */
function jump(world: World): Consequence {
  const { chance } = world;
  const by = chance.pick([hour, -hour, chance.below(20_000), -chance.below(20_000)]);
  world.count(by > 0 ? "clock forward" : "clock back");
  world.trace?.push(`the clock jumps by ${by} ms`);
  world.time.jump(by);
  return "goes on";
}

async function arriveLate(world: World, self: SimulatedProcess, stragglers: Set<Operation>): Promise<Consequence> {
  const [straggler] = stragglers;
  stragglers.delete(straggler!);
  world.count("commit arrives after its process is gone");
  world.trace?.push("a commit of a process that is gone arrives");
  self.disturbed = true;
  await straggler!.apply();
  return "goes on";
}

function loseAnswer(world: World, self: SimulatedProcess): Consequence {
  const telling = world.chance.pick([...self.tellings]);
  self.tellings.delete(telling);
  world.count("hook told, answer lost");
  world.trace?.push(`the hook of ${telling.notice.key} is told, and its answer is lost`);
  tell(world, telling.notice, true);
  telling.resolve({ code: "WORKER_LOST", message: "signal SIGKILL", retryable: true });
  return "goes on";
}

async function refuse(world: World, operation: Operation): Promise<Consequence> {
  const full = operation.writes && !operation.applied && world.chance.chance(0.4);
  const error = full ? diskFull("database or disk is full", null) : new Error("disk I/O error");
  if (!operation.applied && !full && world.chance.chance(0.5)) await operation.apply();
  world.count(
    operation.applied ? "call refused, after it took effect" : full ? "disk full" : "call refused, without effect",
  );
  world.trace?.push(
    `${operation.name} is refused${operation.applied ? " after it took effect" : ""}: ${error.message}`,
  );
  operation.refuse(error);
  return "goes on";
}

function mayBeLost(world: World, attempt: Attempt): boolean {
  return attempt.end !== null && (booksOf(world).lossesInRow.get(workName(attempt.assignment)) ?? 0) < lossesAllowed;
}

/** The executor takes an attempt for lost. Its code may work on all the same, and write late. */
function lose(world: World, self: SimulatedProcess, attempt: Attempt): Consequence {
  const { lossesInRow, lingering } = booksOf(world);
  const name = workName(attempt.assignment);
  lossesInRow.set(name, (lossesInRow.get(name) ?? 0) + 1);
  const { end: tellEnd } = attempt;
  self.attempts.delete(attempt);
  if (world.chance.chance(0.1)) {
    world.count("executor rejects");
    attempt.reject(new Error("the executor has a fault"));
  } else {
    world.count("worker dies");
    tellEnd?.({ outcome: { type: "lost", reason: "signal SIGKILL" }, startedAt: world.time.now() });
  }
  attempt.end = null;
  world.trace?.push(`${name}#${attempt.assignment.attempt} is given up`);
  if (world.chance.chance(0.6)) {
    lingering.add(attempt);
    world.count("worker given up works on");
  }
  return "goes on";
}
