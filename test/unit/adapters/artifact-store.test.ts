import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openArtifactStore } from "../../../src/adapters/file-system/artifact-store.ts";
import { testArtifactStore } from "../../conformance/artifact-store.ts";

const foldersIn = (folder: string) => ({ artifacts: join(folder, "artifacts"), temporary: join(folder, "tmp") });

testArtifactStore({
  name: "file system",
  create: async () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-artifacts-"));
    const reopen = () => openArtifactStore(foldersIn(folder));
    return { store: reopen(), reopen, dispose: async () => rmSync(folder, { recursive: true, force: true }) };
  },
});

it("artifacts lie under names that are their hashes, and nothing else is left in the folders", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-artifacts-"));
  const store = openArtifactStore(foldersIn(folder));
  const path = store.temporary(".parquet");
  writeFileSync(path, "content");
  const { hash } = await store.keep(path);
  expect(readdirSync(folder, { recursive: true, encoding: "utf8" }).sort()).toEqual(
    [
      "artifacts",
      join("artifacts", hash.slice(0, 2)),
      join("artifacts", hash.slice(0, 2), `${hash}.parquet`),
      "tmp",
    ].sort(),
  );
  rmSync(folder, { recursive: true });
});
