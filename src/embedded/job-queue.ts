// Jobs that wait for a worker, the first first. One whose signal is aborted while it waits ends there and then.
import type { Job } from "./job.ts";

export interface JobQueue {
  readonly size: number;
  /** The versions that jobs wait for; null among them for the newest, whatever it is. */
  readonly versions: Iterable<string | null>;
  /** Adds a job in its place: a new one at the end, one that a worker had before where it was. */
  add(job: Job): void;
  /** The first job, or the first of a version that `fits`. */
  first(fits?: (version: string | null) => boolean): Job | undefined;
  /** Takes a job out. */
  take(job: Job): Job;
  all(): readonly Job[];
}

export function createJobQueue(): JobQueue {
  /** In their order, from `start` on; null where one was taken. */
  let jobs: (Job | null)[] = [];
  let start = 0;
  let size = 0;
  const counts = new Map<string | null, number>();

  const count = (job: Job, by: 1 | -1): void => {
    size += by;
    const left = (counts.get(job.version) ?? 0) + by;
    if (left === 0) counts.delete(job.version);
    else counts.set(job.version, left);
  };
  const remove = (job: Job): boolean => {
    const position = jobs.indexOf(job, start);
    if (position === -1) return false;
    jobs[position] = null;
    count(job, -1);
    while (start < jobs.length && jobs[start] === null) start += 1;
    if (start === jobs.length || (start > 1000 && start * 2 > jobs.length)) {
      jobs = jobs.slice(start);
      start = 0;
    }
    return true;
  };
  /** Only what a worker has handed back is older than what waits; its place is near the front. */
  const place = (job: Job): number => {
    const last = jobs.findLast((other) => other !== null);
    if (last === undefined || last.order < job.order) return jobs.length;
    let position = start;
    while (position < jobs.length && (jobs[position]?.order ?? 0) < job.order) position += 1;
    return position;
  };
  return {
    get size() {
      return size;
    },
    versions: { [Symbol.iterator]: () => counts.keys() },
    add: (job) => {
      jobs.splice(place(job), 0, job);
      count(job, 1);
      job.onAbort = () => {
        if (remove(job)) job.end({ type: "stopped", startedAt: Date.now(), ms: null });
      };
      if (job.signal.aborted) job.onAbort();
    },
    first: (fits) => {
      if (fits === undefined || counts.size === 1) {
        const job = jobs[start] ?? undefined;
        return job === undefined || fits?.(job.version) === false ? undefined : job;
      }
      for (let position = start; position < jobs.length; position += 1) {
        const job = jobs[position];
        if (job !== null && job !== undefined && fits(job.version)) return job;
      }
      return undefined;
    },
    take: (job) => {
      remove(job);
      job.onAbort = () => {};
      return job;
    },
    all: () => jobs.filter((job) => job !== null),
  };
}
