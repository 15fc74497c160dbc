// Timers as something that is passed in, so that tests can move time.
import type { Clock } from "../../clock.ts";

/** Calls `wake` once, at the time `at` (milliseconds since the epoch) or as soon as it has passed. Returns what cancels it. */
export type Timer = (at: number, wake: () => void) => () => void;

/** The longest wait that Node's setTimeout can do, in milliseconds; a longer one would fire at once. */
const longestWait = 2 ** 31 - 1;

/** Timers of this process. Waits of more than 24 days are waited in parts. */
export function processTimer(clock: Clock): Timer {
  return (at, wake) => {
    let handle: NodeJS.Timeout;
    const wait = (): void => {
      const left = at - clock.now();
      handle = setTimeout(left > longestWait ? wait : wake, Math.min(Math.max(0, left), longestWait));
    };
    wait();
    return () => clearTimeout(handle);
  };
}
