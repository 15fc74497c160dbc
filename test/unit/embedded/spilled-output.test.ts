// Outputs too big for a run's state: kept elsewhere, and whole again for whoever reads them.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openArtifactStore } from "../../../src/adapters/file-system/artifact-store.ts";
import type { ArtifactStore } from "../../../src/dataset/artifact-store.ts";
import { outputReader, spilled, spillOver, type SpilledOutput } from "../../../src/embedded/spilled-output.ts";

let folder: string;
let artifacts: ArtifactStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-spilled-"));
  artifacts = openArtifactStore({ artifacts: join(folder, "artifacts"), temporary: join(folder, "tmp") });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const kept = () => readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".json"));

describe("an output", () => {
  it.each([
    null,
    true,
    3,
    "text",
    { a: [1] },
    // To the byte as much as is kept in the state, with the quotes around it.
    "x".repeat(spillOver - 2),
  ])("that is small stays as it is", async (output) => {
    expect(await spilled("s", output, artifacts)).toEqual(output);
    expect(kept()).toEqual([]);
  });

  it("of undefined is null", async () => {
    expect(await spilled("s", undefined, artifacts)).toBeNull();
  });

  it.each([
    ["text", "x".repeat(spillOver - 1), undefined],
    ["text of many bytes per character", "日".repeat(spillOver / 3), undefined],
    ["an object", { rows: Array.from({ length: 20_000 }, (_, i) => i) }, undefined],
    ["a list", Array.from({ length: 20_000 }, (_, i) => ({ i })), 20_000],
  ])("that is too big, %s, is kept elsewhere and read back", async (_what, output, length) => {
    const note = (await spilled("s", output, artifacts)) as SpilledOutput;
    expect(note).toEqual({
      $artifact: expect.stringMatching(/^[0-9a-f]{64}$/),
      bytes: Buffer.byteLength(JSON.stringify(output)),
      ...(length === undefined ? {} : { length }),
    });
    expect(kept()).toHaveLength(1);
    expect(await outputReader(artifacts).read(note)).toEqual(output);
  });

  it("that is not JSON is a failure that no retry mends", async () => {
    await expect(spilled("count", { rows: 1n }, artifacts)).rejects.toMatchObject({
      code: "TASK_FAILED",
      retryable: false,
      message: expect.stringMatching(/^Step "count" returned something that is not JSON: .*BigInt/),
    });
  });
});

describe("a reader of outputs", () => {
  const big = Array.from({ length: 20_000 }, (_, i) => ({ i }));

  it("reads the elements of a list that were too big by themselves", async () => {
    const note = await spilled("s", big, artifacts);
    expect(await outputReader(artifacts).read(["small", note, null])).toEqual(["small", big, null]);
  });

  it("hands each caller a value of its own, or all of them one that can't be changed", async () => {
    const note = await spilled("s", big, artifacts);
    const reader = outputReader(artifacts);
    const own = (await reader.read(note)) as { i: number }[];
    own[0]!.i = -1;
    expect(await reader.read(note)).toEqual(big);
    const shared = (await reader.readShared(note)) as { i: number }[];
    expect(() => (shared[0]!.i = -1)).toThrow(TypeError);
    expect(await reader.readShared(note)).toBe(shared);
    const list = ["small", note];
    const whole = (await reader.readShared(list)) as unknown[];
    expect(whole).toEqual(["small", big]);
    expect(await reader.readShared(list)).toBe(whole);
    expect(() => whole.push("more")).toThrow(TypeError);
  });

  it("says so when what was kept is gone", async () => {
    const note = { $artifact: "0".repeat(64), bytes: 70_000 };
    await expect(outputReader(artifacts).read(note)).rejects.toMatchObject({ code: "HOME_UNUSABLE" });
  });

  it("leaves a user's own value alone that only looks like a note", async () => {
    const own = { $artifact: "not a hash", bytes: 1 };
    expect(await outputReader(artifacts).read(own)).toBe(own);
  });
});
