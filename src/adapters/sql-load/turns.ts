// One at a time within a process: for loads whose database belongs to the process or blocks its only thread, and for those
// that stream rows out of the engine's session, which has one open result and no second.

/** A function that runs what it is given in the order of asking. */
function takeTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const turn = last.then(work, work);
    last = turn.catch(() => {});
    return turn;
  };
}

export const inTurn: <T>(work: () => Promise<T>) => Promise<T> = takeTurns();
