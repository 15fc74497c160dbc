// Which of its jobs a worker has begun. Two threads of the worker decide: the main one begins a job, the watch gives
// jobs back that were asked back. Every job goes exactly one of the two ways, whichever thread comes first.

/** More than the jobs of one worker that can be undecided at a time. */
const cells = 256;

/** Numbers of jobs, from 1, begin again after so many. */
export const jobNumbers: number = 2 ** 30;

/** Memory that both threads see: in the cell of a job, its number when it has begun, minus its number when it was given back. */
export type Claims = Int32Array<SharedArrayBuffer>;

export function createClaims(): Claims {
  return new Int32Array(new SharedArrayBuffer(cells * Int32Array.BYTES_PER_ELEMENT));
}

/** Begins a job; false when it was given back. */
export function begin(claims: Claims, job: number): boolean {
  return decide(claims, job, job);
}

/** Gives a job back; false when it has begun. */
export function giveBack(claims: Claims, job: number): boolean {
  return decide(claims, job, -job);
}

function decide(claims: Claims, job: number, verdict: number): boolean {
  const cell = job % cells;
  for (;;) {
    const before = Atomics.load(claims, cell);
    if (!isBefore(Math.abs(before), job)) return false;
    if (Atomics.compareExchange(claims, cell, before, verdict) === before) return true;
  }
}

/** A job that is asked back may have ended long ago, and its cell may be another's by now. */
function isBefore(known: number, job: number): boolean {
  if (known === 0) return true;
  const distance = (job - known + jobNumbers) % jobNumbers;
  return distance > 0 && distance < jobNumbers / 2;
}
