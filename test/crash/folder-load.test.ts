// A process that loads into a folder of tables is killed after every step that stays on the disk. Whoever reads then sees the
// table before the load or after it; and once the load is done again, it has happened once.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { folderSink, folderSource } from "../../src/adapters/files-table/local.ts";
import { files, type FilesTable } from "../../src/connect/folder.ts";
import type { LoadRequest } from "../../src/connect/sink.ts";
import { quoteLiteral } from "../../src/dataset/sql.ts";
import { readDataset, writeQuery } from "../../src/dataset/write-dataset.ts";
import type { Json } from "../../src/json.ts";
import { fileHarness, type FileHarness } from "../unit/connect/file-harness.ts";
import type { FolderLife } from "./folder-load.ts";

let harness: FileHarness;
let before: string;
let requests: LoadRequest[];
const position = (from: Json, to: Json) => ({ table: "exports.people", reader: "p.read", from, to, repeats: false });
const tableIn = (folder: string): FilesTable => files({ folder: join(folder, "tables") })("exports").table("people");

beforeAll(async () => {
  harness = await fileHarness();
  const session = await harness.context.session();
  const rows = (from: number, to: number, label: string): ReturnType<typeof writeQuery> =>
    writeQuery(
      session,
      harness.context.artifacts,
      `SELECT i::INTEGER AS id, '${label}' AS label FROM range(${from}, ${to}) AS t(i)`,
    );
  const common = { table: tableIn(harness.folder), write: "replace-partition", positions: [] } as const;
  before = mkdtempSync(join(tmpdir(), "sluice-before-"));
  const earlier: LoadRequest[] = [
    { ...common, dataset: await rows(0, 3, "old"), partition: "a", loadKey: "one", fence: 1 },
    { ...common, dataset: await rows(3, 6, "old"), partition: "b", loadKey: "two", fence: 2 },
  ];
  for (const request of earlier) await folderSink.load({ ...request, table: tableIn(before) }, harness.context);
  const [first, second] = [await rows(10, 12, "new"), await rows(12, 15, "new")];
  requests = [
    {
      ...common,
      // Two files: a load is more than one rename.
      dataset: { ...first, files: [...first.files, ...second.files], rows: 5, hash: "d".repeat(64) },
      partition: "a",
      loadKey: "three",
      fence: 3,
      positions: [position(null, 1)],
    },
    {
      ...common,
      write: "append",
      dataset: await rows(20, 22, "more"),
      partition: null,
      loadKey: "four",
      fence: 4,
      positions: [position(1, 2)],
    },
    { ...common, write: "replace", dataset: await rows(30, 34, "last"), partition: null, loadKey: "five", fence: 5 },
  ];
});
afterAll(async () => {
  await harness.dispose();
  await rm(before, { recursive: true, force: true });
});

function live(
  folder: string,
  killAfter: number | null,
): { readonly status: number | null; readonly steps: string[]; readonly loaded: number[] } {
  const life: FolderLife = {
    folder,
    requests: requests.map((request) => ({
      ...request,
      table: JSON.parse(JSON.stringify(tableIn(folder))) as FilesTable,
    })),
    killAfter,
  };
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, "folder-load.ts"), JSON.stringify(life)],
    {
      encoding: "utf8",
    },
  );
  expect(stderr).toBe("");
  return {
    status,
    ...(status === 0 ? (JSON.parse(stdout) as { steps: string[]; loaded: number[] }) : { steps: [], loaded: [] }),
  };
}

async function ids(folder: string): Promise<number[]> {
  const dataset = await folderSource(tableIn(folder).rows(), harness.context);
  const rows = await (await harness.context.session()).rows(`SELECT id FROM ${readDataset(dataset)} ORDER BY id`);
  return rows.map((row) => Number(row["id"]));
}

/** What a plain glob shows, by partition. */
async function shown(folder: string): Promise<Record<string, number[]>> {
  const glob = join(folder, "tables/people/**/*.parquet");
  const rows = await (
    await harness.context.session()
  ).rows(
    `SELECT id, filename FROM read_parquet(${quoteLiteral(glob)}, filename = true, hive_partitioning = false) ORDER BY id`,
  );
  const partitions: Record<string, number[]> = {};
  for (const { id, filename } of rows) {
    const partition = /partition=(\w+)/.exec(String(filename))?.[1] ?? "none";
    (partitions[partition] ??= []).push(Number(id));
  }
  return partitions;
}

const old = [0, 1, 2, 3, 4, 5];
const states = [old, [3, 4, 5, 10, 11, 12, 13, 14], [3, 4, 5, 10, 11, 12, 13, 14, 20, 21], [30, 31, 32, 33]].map(
  (state) => JSON.stringify(state),
);

describe("a load into a folder, killed", () => {
  it("after every step: a reader sees one load or the next, and the load done again happens once", async () => {
    const whole = mkdtempSync(join(tmpdir(), "sluice-whole-"));
    cpSync(join(before, "tables"), join(whole, "tables"), { recursive: true });
    expect(await ids(whole)).toEqual(old);
    const { steps, loaded } = live(whole, null);
    await rm(whole, { recursive: true, force: true });
    expect(loaded).toEqual([5, 2, 4]);
    expect(steps.length).toBeGreaterThan(15);
    for (let step = 1; step <= steps.length; step += 1) {
      const folder = mkdtempSync(join(tmpdir(), "sluice-killed-"));
      // Not by links: what is killed must not share files with what it began with.
      cpSync(join(before, "tables"), join(folder, "tables"), { recursive: true });
      expect(live(folder, step).status, `killed after ${steps[step - 1]}`).not.toBe(0);
      expect(states, `killed after ${steps[step - 1]}`).toContain(JSON.stringify(await ids(folder)));
      // A plain reader sees whole files only: of a partition of one file the old rows or the new.
      const { b = [] } = await shown(folder);
      expect([[], [3, 4, 5]]).toContainEqual(b);

      expect(live(folder, null).loaded).toEqual([5, 2, 4]);
      expect(await ids(folder), `killed after ${steps[step - 1]}, then done again`).toEqual([30, 31, 32, 33]);
      expect(await shown(folder)).toEqual({ none: [30, 31, 32, 33] });
      expect(await folderSink.position(tableIn(folder), "p.read", harness.context)).toBe(2);
      const parts = readdirSync(join(folder, "tables/people"), { recursive: true, encoding: "utf8" }).filter((name) =>
        /part-/.test(name),
      );
      expect(parts).toEqual(["part-0000.parquet"]);
      await rm(folder, { recursive: true, force: true });
    }
  }, 120_000);
});
