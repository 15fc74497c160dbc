// Faults that a test asks for: where in the life of an attempt a worker is killed, fails or is slow.
import { setTimeout as sleep } from "node:timers/promises";
import type { Assignment } from "../engine/attempts/executor.ts";
import { SluiceError } from "../errors.ts";

/** One fault, at one attempt of a step. */
export interface Fault {
  readonly step: string;
  /** Position of the item, for a mapped step. @default any item, or none */
  readonly item?: number;
  /** @default 1 */
  readonly attempt?: number;
  /**
   * kill-before: the worker dies before the step's code runs · kill-after: it dies when the code has done its work and
   * before anyone has heard of it · fail: the attempt fails without the code having run · delay: it begins later ·
   * freeze: the worker's thread stands still before the code runs, and heeds nothing meanwhile.
   */
  readonly kind: "kill-before" | "kill-after" | "fail" | "delay" | "freeze";
  /** Of a delay or a freeze, in milliseconds. @default 0 */
  readonly ms?: number;
  /** Of a failure. */
  readonly message?: string;
  /** Of a failure: is it worth another try? @default true */
  readonly retryable?: boolean;
}

/** The fault meant for an attempt; null when there is none. */
export function faultAt(
  faults: readonly Fault[],
  { step, item, attempt }: Pick<Assignment, "step" | "item" | "attempt">,
): Fault | null {
  const meant = (fault: Fault): boolean =>
    fault.step === step && (fault.item === undefined || fault.item === item) && (fault.attempt ?? 1) === attempt;
  return faults.find(meant) ?? null;
}

/** Does what the fault does before the step's code runs. */
export async function before(fault: Fault, signal: AbortSignal): Promise<void> {
  if (fault.kind === "kill-before") die();
  if (fault.kind === "delay") await sleep(fault.ms ?? 0, undefined, { signal });
  // Nothing else can happen on this thread meanwhile, as in a process that the system has stopped.
  if (fault.kind === "freeze") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, fault.ms ?? 0);
  if (fault.kind === "fail") {
    throw new SluiceError("TASK_FAILED", fault.message ?? "a fault that a test asked for", {
      retryable: fault.retryable ?? true,
    });
  }
}

/** Does what the fault does once the step's code has done its work. */
export function after(fault: Fault): void {
  if (fault.kind === "kill-after") die();
}

function die(): void {
  process.kill(process.pid, "SIGKILL");
}
