// Tells hooks what they are to be told: each notice at least once, under a key that is the same each time. A notice is
// stored in the commit that brings the news, and told until it was taken or has been refused too often. Whatever a hook
// does, no run is touched by it.
import type { Clock } from "../../clock.ts";
import { toFailure, type Failure } from "../../errors.ts";
import type { Executor } from "../attempts/executor.ts";
import type { RunStore, StoredNotice } from "../stores/run-store.ts";
import type { Timer } from "./timer.ts";

/** How often a notice is told before it is given up. */
export const tryLimit = 20;
/** How long a hook may take, in milliseconds, before it is told to stop; and after that, before it is left to itself. */
export const hookTimeout = 60_000;
const hookGrace = 5_000;
/** Hooks called at a time. */
const parallel = 8;
const [shortestDelay, longestDelay] = [1_000, 600_000];

export interface NoticeDeliveryOptions {
  readonly store: Pick<RunStore, "dueNotices" | "nextNoticeAt" | "noticeTold">;
  readonly executor: Pick<Executor, "notify">;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly closed: () => boolean;
  readonly failed: (error: unknown) => void;
  /** Nothing is being told any more, and nothing is due. */
  readonly idled: () => void;
}

export interface NoticeDelivery {
  /** There may be notices to tell. */
  look(): void;
  readonly idle: boolean;
  close(): void;
}

export function createNoticeDelivery(options: NoticeDeliveryOptions): NoticeDelivery {
  const { store, executor, clock, timer } = options;
  const stop = new AbortController();
  /** What ends the wait for each hook that is being called. */
  const ends = new Set<(failure: Failure) => void>();
  /** Keys of those that are being told. */
  const telling = new Set<string>();
  let looking = false;
  let lookAgain = false;
  let cancelWake: (() => void) | null = null;

  async function lookNow(): Promise<void> {
    if (looking || options.closed()) {
      lookAgain = looking;
      return;
    }
    looking = true;
    try {
      do {
        lookAgain = false;
        await begin();
      } while (lookAgain && !options.closed());
    } catch (error) {
      options.failed(error);
    } finally {
      looking = false;
    }
    if (!options.closed() && telling.size === 0) options.idled();
  }

  /** Begins to tell what is due, as far as there is room, and sees to it that what is due later is not forgotten. */
  async function begin(): Promise<void> {
    if (telling.size >= parallel) return;
    // Those that are being told are still due in the store.
    const due = await store.dueNotices(clock.now(), 2 * parallel);
    if (options.closed()) return;
    for (const stored of due) {
      if (telling.size < parallel && !telling.has(stored.notice.key)) void tell(stored);
    }
    const at = await store.nextNoticeAt();
    if (options.closed()) return;
    cancelWake?.();
    // The next one is among those that are being told, or after them.
    cancelWake = at === null ? null : timer(telling.size === 0 ? at : Math.max(at, clock.now() + shortestDelay), look);
  }

  async function tell({ notice, attempts }: StoredNotice): Promise<void> {
    telling.add(notice.key);
    try {
      const error = await call(notice);
      if (options.closed()) return;
      const at = clock.now();
      const again = error !== null && attempts + 1 < tryLimit;
      await store.noticeTold(notice.key, { at, dueAt: again ? at + delayAfter(attempts + 1) : null, error });
    } catch (error) {
      options.failed(error);
    } finally {
      telling.delete(notice.key);
    }
    look();
  }

  /** Null when the hook took the notice. One that doesn't come back is left to itself: it may be told twice. */
  function call(notice: StoredNotice["notice"]): Promise<Failure | null> {
    const tooLong = new AbortController();
    return new Promise((resolve) => {
      const end = (failure: Failure | null): void => {
        cancel();
        ends.delete(end);
        resolve(failure);
      };
      let cancel = timer(clock.now() + hookTimeout, () => {
        tooLong.abort();
        cancel = timer(clock.now() + hookGrace, () => end(tooSlow));
      });
      ends.add(end);
      const signal = AbortSignal.any([tooLong.signal, stop.signal]);
      Promise.resolve()
        .then(() => executor.notify(notice, signal))
        .then(end, (error: unknown) => end(toFailure(error)));
    });
  }

  function look(): void {
    void lookNow();
  }

  return {
    look,
    get idle() {
      return !looking && telling.size === 0;
    },
    close: () => {
      cancelWake?.();
      stop.abort();
      for (const end of ends) end(tooSlow);
    },
  };
}

const tooSlow: Failure = {
  code: "TASK_TIMEOUT",
  message: `The hook did not come back within ${hookTimeout / 1000} s`,
  retryable: true,
  hint: "Let the hook hand the news on and return.",
};

/** Milliseconds until the next try: one second, and twice as long each time, up to ten minutes. */
function delayAfter(tries: number): number {
  return Math.min(shortestDelay * 2 ** (tries - 1), longestDelay);
}
