// Asks the process that runs the scheduler to do something, from another process: the instruction goes into the state,
// and the answer is read there. An instruction that nobody takes is taken back, so that it does not come true much later.
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { openEngineStore } from "../adapters/sqlite/engine-store.ts";
import type { EngineStore } from "../engine/stores/engine-store.ts";
import type { Instruction, InstructionRecord } from "../engine/stores/instruction.ts";
import { fromFailure, SluiceError, toFailure } from "../errors.ts";
import type { Json } from "../json.ts";
import { holderOf } from "./holder.ts";
import type { Home } from "./home.ts";
import { knock } from "./instruction-inbox.ts";

export interface AskOptions {
  /** Aborted, the instruction is taken back, and the signal's reason thrown. */
  readonly signal?: AbortSignal;
  /** How long to wait for an answer, in milliseconds. @default 10 000 */
  readonly timeoutMs?: number;
}

/** Milliseconds between two looks for the answer. */
const lookEvery = 20;
/** Milliseconds between two looks at whether there is still a scheduler. */
const holderEvery = 1_000;

/**
 * Resolves with what the scheduler answers; rejects with what it refuses. With nobody there to answer it rejects with
 * HOME_BUSY (held by a process that does not answer) or WORKER_LOST (the scheduler has ended; asking again may help).
 *
 * @param by Who asks: a user's name, or the address of an API call.
 */
export async function askEngine(
  home: Home,
  instruction: Instruction,
  by: string,
  { signal, timeoutMs = 10_000 }: AskOptions = {},
): Promise<Json> {
  const store = openEngineStore(home.state);
  try {
    const now = Date.now();
    const asked = { id: randomUUID(), instruction, by, createdAt: now, answeredAt: null, result: null, error: null };
    // Whatever is written from here on counts as new.
    store.changedByOthers();
    await store.addInstruction(asked);
    knock(home);
    const answered = await wait(home, store, asked, now + timeoutMs, signal);
    if (answered.error !== null) throw fromFailure(answered.error);
    return answered.result;
  } finally {
    store.close();
  }
}

async function wait(
  home: Home,
  store: EngineStore,
  { id }: InstructionRecord,
  until: number,
  signal: AbortSignal | undefined,
): Promise<InstructionRecord> {
  let holderAt = Date.now() + holderEvery;
  let alone = false;
  for (;;) {
    const now = Date.now();
    if (store.changedByOthers() || now >= holderAt) {
      const known = await store.instruction(id);
      if (known?.answeredAt !== null && known !== null) return known;
    }
    if (signal?.aborted === true) return takeBack(store, id, signal.reason);
    if (now >= until) return takeBack(store, id, silent(home));
    if (now >= holderAt) {
      // Once more a second later: one scheduler may just be handing over to the next.
      const gone = holderOf(home) === null;
      if (gone && alone) return takeBack(store, id, nobody(home));
      alone = gone;
      holderAt = now + holderEvery;
    }
    await pause(lookEvery, undefined, signal === undefined ? {} : { signal }).catch(() => {});
  }
}

/** Of this and the scheduler's answer, whichever is first counts. */
async function takeBack(store: EngineStore, id: string, reason: unknown): Promise<InstructionRecord> {
  await store.answerInstruction(id, { at: Date.now(), result: null, error: toFailure(reason) });
  const known = await store.instruction(id);
  if (known === null) throw reason;
  return known;
}

function silent(home: Home): SluiceError {
  const holder = holderOf(home);
  return new SluiceError("HOME_BUSY", `${holder ?? "A scheduler"} has not answered, and was not asked any more`, {
    retryable: true,
    hint: "Look at what that process does; if it hangs, end it, and give the command again.",
  });
}

function nobody(home: Home): SluiceError {
  return new SluiceError("WORKER_LOST", `The scheduler that worked on ${home.folder} has ended before it answered`, {
    retryable: true,
    hint: "Give the command again.",
  });
}
