// What the end of an attempt does to the step or item it was made at.
import type { Failure } from "../../errors.ts";
import { retryDelay } from "../../pipeline/retry.ts";
import type { Draft } from "./draft.ts";
import { endIfItemsHave } from "./mapped-step.ts";
import type { EventOf } from "./state.ts";
import { fail, succeed } from "./step-end.ts";
import { keyOf, patchWork, placeOf, startAttempt, workAt, type Place } from "./work.ts";

/** A step whose worker dies this often in a row is failed: it is what kills the worker. */
export const lossLimit = 5;

export function attemptSucceeded(draft: Draft, event: EventOf<"attempt-succeeded">): void {
  const place = placeOf(draft, event, "queued");
  if (place === null) return;
  const { output, rows, assets } = event;
  if (place.item === null)
    return succeed(draft, place.position, { output, rows, assets, reusedFrom: event.cachedFrom ?? null });
  draft.patchItem(place.position, place.item, {
    status: "succeeded",
    output,
    rows,
    assets,
    error: null,
    losses: 0,
    finishedAt: draft.now,
  });
  endIfItemsHave(draft, place.position);
}

/** A sensor has looked in vain; it looks again after its interval. */
export function attemptUnmet(draft: Draft, event: EventOf<"attempt-unmet">): void {
  const place = placeOf(draft, event, "queued");
  if (place === null) return;
  const { name, control } = draft.graph.steps[place.position]!;
  if (control.type !== "sense") {
    return failWork(draft, place, {
      code: "TASK_FAILED",
      message: `Step "${name}" says that what it waits for is not there yet, and is not a sensor`,
      retryable: false,
      hint: "Only a sensor may say so: sensor(async () => …).",
    });
  }
  const at = draft.now + control.everyMs;
  draft.patchStep(place.position, { status: "sleeping", wakeAt: at, losses: 0 });
  draft.command({ type: "set-timer", ...keyOf(draft, place), timer: "check", at });
}

/** Tries again later, as long as that may help and the step's retries are not used up. */
export function attemptFailed(draft: Draft, event: EventOf<"attempt-failed">): void {
  const place = placeOf(draft, event, "queued");
  if (place === null) return;
  const { name, retry } = draft.graph.steps[place.position]!;
  const { error } = event;
  const failures = workAt(draft, place)!.failures + 1;
  if (!error.retryable || failures > retry.limit) return failWork(draft, place, error, { failures, losses: 0 });
  const key = keyOf(draft, place);
  // Items that fail together have seeds of their own, so that jitter takes them apart.
  const at = draft.now + retryDelay(retry, failures, `${name} ${place.item ?? "-"} ${event.epoch}`);
  patchWork(draft, place, { status: "retrying", failures, losses: 0, error, wakeAt: at });
  draft.command({ type: "set-timer", ...key, timer: "retry", at });
  draft.command({ type: "notify", ...key, event: "retry" });
}

/** Begins another attempt at once: nothing says that the step's own code is at fault, until it happens again and again. */
export function attemptLost(draft: Draft, event: EventOf<"attempt-lost">): void {
  const place = placeOf(draft, event, "queued");
  if (place === null) return;
  const losses = workAt(draft, place)!.losses + (event.cause === "worker-died" ? 1 : 0);
  if (losses >= lossLimit) {
    const error: Failure = {
      code: "WORKER_LOST",
      message: `The worker died ${losses} times in a row while running this step: ${event.reason}`,
      retryable: false,
      hint: "Look at the step's memory use and at native code that it calls.",
    };
    return failWork(draft, place, error, { losses });
  }
  patchWork(draft, place, { losses });
  startAttempt(draft, place);
}

function failWork(
  draft: Draft,
  { position, item }: Place,
  error: Failure,
  counts: { readonly failures?: number; readonly losses?: number } = {},
): void {
  if (item === null) return fail(draft, position, error, counts);
  draft.patchItem(position, item, { ...counts, status: "failed", error, finishedAt: draft.now });
  endIfItemsHave(draft, position);
}
