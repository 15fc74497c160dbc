// How a route has something done: the instruction is the scheduler's to carry out, whoever asks and whoever runs it.
import type { Context } from "hono";
import type { Instruction } from "../engine/stores/instruction.ts";
import { SluiceError } from "../errors.ts";
import type { AppOptions } from "./app-options.ts";
import type { DoneResponse } from "./responses.ts";

/** Answers once the instruction has been done, or taken on: with 202 where a run follows from it. */
export async function instruct(
  context: Context,
  { writing }: AppOptions,
  instruction: Instruction,
  status: 200 | 202 = 200,
): Promise<Response> {
  // The guard has answered already; this keeps a route that it doesn't stand before from changing anything.
  if (!writing.allowed) throw new SluiceError("USAGE", writing.reason, { hint: writing.hint });
  const result = await writing.instruct(instruction, callerOf(context));
  return context.json({ result } satisfies DoneResponse, status);
}

/** The key under which asking again changes nothing; null when the caller gave none. */
export function idempotencyKey(context: Context): string | null {
  const key = context.req.header("idempotency-key");
  if (key === undefined) return null;
  if (/^[\x21-\x7e]{1,200}$/.test(key)) return key;
  throw new SluiceError("USAGE", "The Idempotency-Key does not fit", {
    hint: "Use 1 to 200 printable ASCII characters without spaces, such as a UUID.",
  });
}

/** For addresses that can't promise that asking twice counts once: better no answer than a wrong one. */
export function refuseIdempotencyKey(context: Context): void {
  if (context.req.header("idempotency-key") === undefined) return;
  throw new SluiceError("USAGE", "This address takes no Idempotency-Key", {
    hint: "Leave it out; ask what there is before asking again.",
  });
}

/** "http 127.0.0.1": what is noted as who asked. */
function callerOf(context: Context): string {
  const incoming = (context.env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined)?.incoming;
  return `http ${incoming?.socket?.remoteAddress ?? "request"}`;
}
