// Time that passes as it does, and can be moved ahead: what is waited for in a test need not be waited for.
import type { Clock } from "../clock.ts";
import type { Timer } from "../engine/scheduler/timer.ts";

export interface SkippedTime {
  readonly clock: Clock;
  readonly timer: Timer;
  /** Moves time ahead to `at`, unless it is past that, and wakes whoever waited until then, in order. */
  skipTo(at: number): void;
}

interface Waiting {
  readonly at: number;
  readonly wake: () => void;
  handle: NodeJS.Timeout | null;
}

/** The longest wait that Node's setTimeout can do, in milliseconds. */
const longestWait = 2 ** 31 - 1;

export function createSkippedTime(real: Clock): SkippedTime {
  let skipped = 0;
  const waiting = new Set<Waiting>();
  const now = (): number => real.now() + skipped;

  const fire = (entry: Waiting): void => {
    if (entry.handle !== null) clearTimeout(entry.handle);
    if (waiting.delete(entry)) entry.wake();
  };
  const arm = (entry: Waiting): void => {
    if (entry.handle !== null) clearTimeout(entry.handle);
    const left = Math.max(0, entry.at - now());
    entry.handle = setTimeout(() => (left > longestWait ? arm(entry) : fire(entry)), Math.min(left, longestWait));
  };

  return {
    clock: { now },
    timer: (at, wake) => {
      const entry: Waiting = { at, wake, handle: null };
      waiting.add(entry);
      arm(entry);
      return () => {
        waiting.delete(entry);
        if (entry.handle !== null) clearTimeout(entry.handle);
      };
    },
    skipTo: (at) => {
      skipped += Math.max(0, at - now());
      const due = [...waiting].filter((entry) => entry.at <= now()).sort((a, b) => a.at - b.at);
      for (const entry of due) fire(entry);
      for (const entry of waiting) arm(entry);
    },
  };
}
