// Values that many jobs read: the list behind ten thousand items is sent to a worker once, not with each of them. Both
// sides keep the last few; they agree on which, because messages arrive in the order they were sent.
import type { Job } from "./job.ts";
import type { ToWorker } from "./messages.ts";

/** So many values are kept. */
const kept = 32;

export interface SharedValues {
  /** What is to be sent for a job: values the worker has not got, and the job. */
  messagesFor(job: Pick<Job, "work" | "shares">, number: number): ToWorker[];
}

/** The sending side, for one worker. */
export function sharedValues(): SharedValues {
  const sent = new WeakMap<object, number>();
  let last = 0;
  return {
    messagesFor: ({ work, shares }, number) => {
      if (work.type !== "run" || shares.length === 0) return [{ ...work, job: number }];
      const messages: ToWorker[] = [];
      const outputs = { ...work.assignment.outputs };
      const shared: Record<string, number> = {};
      for (const name of shares) {
        const value = outputs[name];
        if (typeof value !== "object" || value === null) continue;
        let known = sent.get(value);
        if (known === undefined || known <= last - kept) {
          known = last += 1;
          sent.set(value, known);
          messages.push({ type: "share", number: known, value });
        }
        shared[name] = known;
        delete outputs[name];
      }
      messages.push({ type: "run", assignment: { ...work.assignment, outputs }, shared, job: number });
      return messages;
    },
  };
}

export interface ReceivedValues {
  keep(number: number, value: unknown): void;
  get(number: number): unknown;
}

/** The receiving side. What it keeps is frozen: several attempts see it, and none may change it for the others. */
export function receivedValues(): ReceivedValues {
  const values = new Map<number, unknown>();
  return {
    keep: (number, value) => {
      values.delete(number - kept);
      values.set(number, deepFreeze(value));
    },
    get: (number) => values.get(number),
  };
}

export function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const item of Object.values(value)) deepFreeze(item);
  }
  return value;
}
