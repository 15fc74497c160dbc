// The suite that every artifact store passes: what becomes of a file that is kept.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ArtifactStore } from "../../src/dataset/artifact-store.ts";

/** One store, empty. */
export interface ArtifactStoreHarness {
  readonly store: ArtifactStore;
  /** The same store, opened again. */
  reopen(): ArtifactStore;
  dispose(): Promise<void>;
}

export interface ArtifactStoreSuite {
  readonly name: string;
  create(): Promise<ArtifactStoreHarness>;
}

/** Registers the cases for one store. */
export function testArtifactStore({ name, create }: ArtifactStoreSuite): void {
  describe(`artifact store: ${name}`, () => {
    let harness: ArtifactStoreHarness;
    beforeEach(async () => {
      harness = await create();
    });
    afterEach(async () => harness.dispose());

    const written = async (content: string | Uint8Array): Promise<string> => {
      const path = harness.store.temporary(".parquet");
      await writeFile(path, content);
      return path;
    };

    it("gives every file in the making a place of its own", () => {
      const paths = Array.from({ length: 100 }, () => harness.store.temporary(".parquet"));
      expect(new Set(paths).size).toBe(100);
      for (const path of paths)
        expect([isAbsolute(path), path.endsWith(".parquet"), existsSync(path)]).toEqual([true, true, false]);
    });

    it("keeps a file's content, with its size and hash, and takes it from where it was made", async () => {
      const content = Buffer.from("PAR1 some bytes \u0000 PAR1");
      const path = await written(content);
      const artifact = await harness.store.keep(path);
      expect(artifact).toEqual({
        path: expect.any(String),
        bytes: content.length,
        hash: createHash("sha256").update(content).digest("hex"),
      });
      expect(await readFile(artifact.path)).toEqual(content);
      expect(existsSync(path)).toBe(false);
    });

    it("keeps the same content once, however often, one after another or at the same time", async () => {
      const first = await harness.store.keep(await written("same"));
      const again = await written("same");
      expect(await harness.store.keep(again)).toEqual(first);
      expect(existsSync(again)).toBe(false);
      const paths = await Promise.all(Array.from({ length: 8 }, () => written("at once")));
      const kept = await Promise.all(paths.map((path) => harness.store.keep(path)));
      expect(new Set(kept.map((artifact) => artifact.path)).size).toBe(1);
      expect(await readFile(kept[0]!.path, "utf8")).toBe("at once");
      expect(paths.filter((path) => existsSync(path))).toEqual([]);
    });

    it("keeps different contents apart, the empty one too", async () => {
      const kept = await Promise.all(["a", "b", ""].map(async (content) => harness.store.keep(await written(content))));
      expect(new Set(kept.map(({ path }) => path)).size).toBe(3);
      expect(await Promise.all(kept.map(({ path }) => readFile(path, "utf8")))).toEqual(["a", "b", ""]);
      expect(kept[2]!.bytes).toBe(0);
    });

    it("has a file larger than it would read at once", async () => {
      const content = Buffer.alloc(17 * 2 ** 20, "sluice");
      const { path, bytes, hash } = await harness.store.keep(await written(content));
      expect([bytes, hash]).toEqual([content.length, createHash("sha256").update(content).digest("hex")]);
      expect((await readFile(path)).equals(content)).toBe(true);
    });

    it("has everything again when it is opened again", async () => {
      const artifact = await harness.store.keep(await written("survives"));
      const again = harness.reopen();
      expect(await readFile(artifact.path, "utf8")).toBe("survives");
      const path = again.temporary(".parquet");
      await writeFile(path, "survives");
      expect(await again.keep(path)).toEqual(artifact);
    });

    it("keeps JSON texts by their content, beside files", async () => {
      const text = JSON.stringify({ a: [1, "ü", null], long: "x".repeat(100_000) });
      const kept = await harness.store.keepJson(text);
      expect(kept).toEqual({
        hash: createHash("sha256").update(text).digest("hex"),
        bytes: Buffer.byteLength(text),
      });
      expect(await Promise.all([harness.store.keepJson(text), harness.store.keepJson(text)])).toEqual([kept, kept]);
      await harness.store.keep(await written(text));
      expect(await harness.store.json(kept.hash)).toBe(text);
      expect(await harness.reopen().json(kept.hash)).toBe(text);
      await expect(harness.store.json("0".repeat(64))).rejects.toMatchObject({ code: "HOME_UNUSABLE" });
    });

    it("fails, and keeps nothing, for a file that isn't there", async () => {
      await expect(harness.store.keep(harness.store.temporary(".parquet"))).rejects.toThrow("ENOENT");
    });
  });
}
