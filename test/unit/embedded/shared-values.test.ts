// Values that many jobs read go to a worker once, and it has them when a job arrives.
import { describe, expect, it } from "vitest";
import type { Work } from "../../../src/embedded/messages.ts";
import { receivedValues, sharedValues } from "../../../src/embedded/shared-values.ts";

const work = (outputs: Record<string, unknown>): Work => ({
  type: "run",
  assignment: {
    runId: "r",
    pipeline: "p",
    version: "v",
    partition: null,
    params: null,
    step: "each",
    item: 0,
    attempt: 1,
    fence: 1,
    idempotencyKey: "k",
    outputs,
    timeoutMs: null,
  },
});

/** Sends jobs as the pool does, and says what the worker makes of each: the outputs it has in the end. */
function sent(jobs: readonly { outputs: Record<string, unknown>; shares: readonly string[] }[]) {
  const sender = sharedValues();
  const receiver = receivedValues();
  let messages = 0;
  const received = jobs.map(({ outputs, shares }, position) => {
    let got: Record<string, unknown> = {};
    for (const message of sender.messagesFor({ work: work(outputs), shares }, position + 1)) {
      const { ...copy } = JSON.parse(JSON.stringify(message)) as typeof message;
      messages += 1;
      if (copy.type === "share") receiver.keep(copy.number, copy.value);
      if (copy.type === "run") {
        const shared = Object.entries(copy.shared ?? {}).map(([name, number]) => [name, receiver.get(number)]);
        got = { ...copy.assignment.outputs, ...Object.fromEntries(shared) };
      }
    }
    return got;
  });
  return { received, messages };
}

describe("shared values", () => {
  it("are sent once, and each job has all of its outputs", () => {
    const list = Array.from({ length: 100 }, (_, i) => ({ i }));
    const outputs = { list, small: 3, own: { a: 1 }, none: null };
    const jobs = Array.from({ length: 50 }, () => ({ outputs, shares: ["list", "small", "none"] }));
    const { received, messages } = sent(jobs);
    for (const got of received) expect(got).toEqual(outputs);
    expect(messages).toBe(51);
  });

  it("are sent anew when the worker has forgotten them", () => {
    const lists = Array.from({ length: 100 }, (_, n) => [n]);
    const jobs = [...lists, ...lists, lists[99]!].map((list) => ({ outputs: { list }, shares: ["list"] }));
    const { received } = sent(jobs);
    expect(received).toEqual(jobs.map(({ outputs }) => outputs));
  });

  it("are not there for jobs that share nothing", () => {
    const { received, messages } = sent([{ outputs: { list: [1, 2] }, shares: [] }]);
    expect([received, messages]).toEqual([[{ list: [1, 2] }], 1]);
  });

  it("can't be changed by one attempt for the others", () => {
    const values = receivedValues();
    values.keep(1, [{ tags: ["a"] }]);
    const [first] = values.get(1) as { tags: string[] }[];
    expect(() => first!.tags.push("b")).toThrow(TypeError);
    expect(values.get(1)).toEqual([{ tags: ["a"] }]);
  });
});
