// One thing after the other. Everything the scheduler does beside committing events (creating runs, schedules, backfills,
// instructions) goes through one lane, so that what a step of it has read is still true when it writes.

export interface Lane {
  /** Does this when all that was asked before is done. */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Nothing is under way and nothing waits. */
  readonly idle: boolean;
}

/** `onIdle` is called whenever the last of what was asked is done. */
export function createLane(onIdle: () => void): Lane {
  let open = 0;
  let last: Promise<unknown> = Promise.resolve();
  return {
    get idle() {
      return open === 0;
    },
    run: (work) => {
      open += 1;
      const result = last.then(work);
      last = result.then(finish, finish);
      return result;
    },
  };

  function finish(): void {
    open -= 1;
    if (open === 0) onIdle();
  }
}

/** Something that is done again whenever there is reason to; many reasons at once are one. */
export interface Duty {
  /** There is reason to. */
  soon(): void;
}

/** A duty in the lane. What `work` throws is `failed`'s. */
export function createDuty(lane: Lane, work: () => Promise<void>, failed: (error: unknown) => void): Duty {
  let asked = false;
  return {
    soon: () => {
      if (asked) return;
      asked = true;
      lane
        .run(() => {
          // From here on a reason is one to do it once more.
          asked = false;
          return work();
        })
        .catch(failed);
    },
  };
}
