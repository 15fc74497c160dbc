import { describe, expect, it } from "vitest";
import { interruptible } from "../../../src/cli/interruptible.ts";
import type { Io } from "../../../src/cli/io.ts";

function scene() {
  const log: string[] = [];
  const handlers = new Set<(signal: "SIGINT") => void>();
  const stream = { write: async () => {}, isTTY: false, columns: 80, closed: false };
  const io: Io = {
    stdout: stream,
    stderr: stream,
    cwd: "/",
    onInterrupt: (handler) => {
      handlers.add(handler);
      return () => void handlers.delete(handler);
    },
    exit: (code) => void log.push(`exit ${code}`),
  };
  const target = {
    cancel: (reason: string) => void log.push(`cancel: ${reason}`),
    close: async () => void log.push("close"),
  };
  return { io, target, log, handlers, interrupt: () => handlers.forEach((handler) => handler("SIGINT")) };
}

describe("interruptible work", () => {
  it("is cancelled by the first interrupt and left at once by the second", () => {
    const { io, target, log, interrupt } = scene();
    void interruptible(io, target, () => new Promise(() => {}));
    interrupt();
    expect(log).toEqual(["cancel: interrupted"]);
    interrupt();
    expect(log).toEqual(["cancel: interrupted", "close", "exit 130"]);
  });

  it("says whether it was interrupted, and listens no longer than it lasts", async () => {
    const { io, target, log, handlers, interrupt } = scene();
    expect(await interruptible(io, target, async () => 1)).toEqual({ value: 1, interrupted: false });
    const ending = Promise.withResolvers<number>();
    const work = interruptible(io, target, () => ending.promise);
    interrupt();
    ending.resolve(2);
    expect(await work).toEqual({ value: 2, interrupted: true });
    await expect(interruptible(io, target, async () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect([handlers.size, log]).toEqual([0, ["cancel: interrupted"]]);
  });
});
