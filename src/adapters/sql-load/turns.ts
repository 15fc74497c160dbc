// One at a time within a process: for databases whose transactions belong to the process or block its only thread.

/** A function that runs what it is given in the order of asking. */
export function takeTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const turn = last.then(work, work);
    last = turn.catch(() => {});
    return turn;
  };
}
