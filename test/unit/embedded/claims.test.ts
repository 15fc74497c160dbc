// Who has a job: the thread that begins it or the one that gives it back, never both, whatever the order.
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { begin, createClaims, giveBack, jobNumbers } from "../../../src/embedded/claims.ts";

describe("a claim on a job", () => {
  it("goes to whoever comes first, and to nobody after", () => {
    const claims = createClaims();
    expect([begin(claims, 1), giveBack(claims, 1), giveBack(claims, 1)]).toEqual([true, false, false]);
    expect([giveBack(claims, 2), begin(claims, 2), giveBack(claims, 2)]).toEqual([true, false, false]);
  });

  it("is a new one when numbers come round to the same cell", () => {
    const claims = createClaims();
    for (let job = 1; job <= 1000; job += 1) {
      const first = job % 3 === 0 ? giveBack : begin;
      const second = job % 3 === 0 ? begin : giveBack;
      expect([job, first(claims, job), second(claims, job)]).toEqual([job, true, false]);
    }
  });

  it("on one that ended long ago is refused, and touches no other's", () => {
    const claims = createClaims();
    for (let job = 1; job <= 1000; job += 1) begin(claims, job);
    for (let job = 1; job <= 1000; job += 1) expect([job, giveBack(claims, job)]).toEqual([job, false]);
    for (let job = 1001; job <= 1256; job += 1) expect([job, begin(claims, job)]).toEqual([job, true]);
  });

  it("goes on when the numbers begin again", () => {
    const claims = createClaims();
    const numbers = [-2, -1, 0, 1, 2, 3].map((from) => ((jobNumbers + from - 1) % jobNumbers) + 1);
    for (const job of numbers) expect([job, begin(claims, job), giveBack(claims, job)]).toEqual([job, true, false]);
  });

  it("has one winner when two threads want it at the same moment", async () => {
    const claims = createClaims();
    const jobs = 20_000;
    // The cell up to which the other thread may go: both work on the same few jobs all the time.
    const gate = new Int32Array(new SharedArrayBuffer(8));
    const other = new Worker(
      `const { workerData, parentPort } = require("node:worker_threads");
       import(workerData.module).then(({ giveBack }) => {
         const won = [];
         for (let job = 1; job <= workerData.jobs; job += 1) {
           Atomics.store(workerData.gate, 0, job);
           while (Atomics.load(workerData.gate, 1) < job);
           if (giveBack(workerData.claims, job)) won.push(job);
         }
         parentPort.postMessage(won);
       });`,
      {
        eval: true,
        workerData: { claims, gate, jobs, module: new URL("../../../src/embedded/claims.ts", import.meta.url).href },
      },
    );
    const message = new Promise<number[]>((resolve, reject) => other.once("message", resolve).once("error", reject));
    while (Atomics.load(gate, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    const begun: number[] = [];
    for (let job = 1; job <= jobs; job += 1) {
      Atomics.store(gate, 1, job);
      while (Atomics.load(gate, 0) < job);
      if (begin(claims, job)) begun.push(job);
    }
    const given = await message;
    await other.terminate();
    expect(begun.length + given.length).toBe(jobs);
    expect(new Set([...begun, ...given]).size).toBe(jobs);
  });
});
