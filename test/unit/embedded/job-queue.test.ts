// The order in which jobs wait, and how they leave.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createJob, type Job, type JobEnd } from "../../../src/embedded/job.ts";
import { createJobQueue } from "../../../src/embedded/job-queue.ts";

function job(options: { version?: string; signal?: AbortSignal; ends?: JobEnd[] } = {}): Job {
  return createJob({
    work: { type: "params", pipeline: "p", raw: null },
    signal: options.signal ?? new AbortController().signal,
    timeoutMs: null,
    version: options.version ?? "v1",
    shares: [],
    kind: "k",
    onLog: () => {},
    onEnd: (end) => options.ends?.push(end),
  });
}

describe("a queue of jobs", () => {
  it("is in order, whatever is taken and handed back", () => {
    // Each number says what is done next: add a new job, take the first, take one from the middle, hand one back.
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 200 }), (steps) => {
        const queue = createJobQueue();
        const waiting: Job[] = [];
        const taken: Job[] = [];
        for (const step of steps) {
          if (step === 0) {
            const added = job();
            queue.add(added);
            waiting.push(added);
          } else if (step === 3 && taken.length > 0) {
            const back = taken.splice(taken.length >> 1, 1)[0]!;
            queue.add(back);
            waiting.push(back);
            waiting.sort((a, b) => a.order - b.order);
          } else if (waiting.length > 0) {
            const position = step === 1 ? 0 : waiting.length >> 1;
            taken.push(queue.take(waiting.splice(position, 1)[0]!));
          }
          expect(queue.size).toBe(waiting.length);
          expect(queue.all()).toEqual(waiting);
          expect(queue.first()).toBe(waiting[0]);
        }
      }),
    );
  });

  it("has the first of those versions that are asked for, and knows which there are", () => {
    const queue = createJobQueue();
    const [old, recent, next] = [job({ version: "v1" }), job({ version: "v2" }), job({ version: "v2" })];
    for (const item of [old, recent, next]) queue.add(item);
    expect(queue.first((version) => version === "v2")).toBe(recent);
    expect(queue.first((version) => version === "v3")).toBeUndefined();
    expect([...queue.versions]).toEqual(["v1", "v2"]);
    queue.take(old);
    expect([...queue.versions]).toEqual(["v2"]);
    expect(queue.first((version) => version === "v1")).toBeUndefined();
  });

  it("lets go of a job that is aborted while it waits, and of that alone", () => {
    const queue = createJobQueue();
    const ends: JobEnd[] = [];
    const controller = new AbortController();
    const aborted = job({ signal: controller.signal, ends });
    const other = job({ ends });
    queue.add(aborted);
    queue.add(other);
    controller.abort();
    expect(ends.map((end) => end.type)).toEqual(["stopped"]);
    expect(queue.all()).toEqual([other]);
  });

  it("does not keep a job whose signal was aborted before", () => {
    const queue = createJobQueue();
    const ends: JobEnd[] = [];
    queue.add(job({ signal: AbortSignal.abort(), ends }));
    expect([queue.size, ends.map((end) => end.type)]).toEqual([0, ["stopped"]]);
  });
});
