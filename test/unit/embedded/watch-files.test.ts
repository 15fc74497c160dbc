// Which files are told of when they are saved: those that definitions may depend on, wherever they lie, once per save.
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { watchFiles, type FileWatch } from "../../../src/embedded/watch-files.ts";

let folder: string;
let watch: FileWatch;
let told: string[][];

const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
};
const all = (): string[] => told.flat();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-watch-"));
  told = [];
  write("pipelines/orders.ts", "one");
  write("queries/orders.sql", "one");
  write("node_modules/x/index.js", "one");
  write("state/state.json", "one");
  watch = watchFiles({ folder, without: [join(folder, "state")], onChange: (files) => told.push([...files]) });
});
afterEach(() => {
  watch.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("watched files", () => {
  it("are told of when they have changed, and not when they were written as they were", async () => {
    write("pipelines/orders.ts", "one");
    write("queries/orders.sql", "two");
    await expect.poll(all, { timeout: 5_000 }).toEqual(["queries/orders.sql"]);
  });

  it("come together when they are saved together", async () => {
    write("pipelines/orders.ts", "two");
    write("pipelines/returns.ts", "new");
    write("sluice.config.ts", "new");
    await expect
      .poll(all, { timeout: 5_000 })
      .toEqual(["pipelines/orders.ts", "pipelines/returns.ts", "sluice.config.ts"]);
    expect(told).toHaveLength(1);
  });

  it("may lie in folders that are new, and may go", async () => {
    write("pipelines/more/deep/late.ts", "new");
    await expect.poll(all, { timeout: 5_000 }).toEqual(["pipelines/more/deep/late.ts"]);
    write("pipelines/more/deep/late.ts", "changed");
    await expect.poll(() => told.length, { timeout: 5_000 }).toBe(2);
    rmSync(join(folder, "pipelines/more"), { recursive: true });
    await expect.poll(() => told.length, { timeout: 5_000 }).toBe(3);
    // As editors save: another file takes the place of the one before.
    write("pipelines/orders.ts.tmp", "swapped");
    renameSync(join(folder, "pipelines/orders.ts.tmp"), join(folder, "pipelines/orders.ts"));
    await expect.poll(() => told.at(-1), { timeout: 5_000 }).toEqual(["pipelines/orders.ts"]);
  });

  it("are not data, packages, what begins with a dot, nor the state", async () => {
    for (const path of [
      "data/orders.csv",
      "node_modules/x/index.js",
      "state/state.json",
      ".git/index.ts",
      "pipelines/a.md",
    ])
      write(path, "two");
    write("last.ts", "the last");
    await expect.poll(all, { timeout: 5_000 }).toEqual(["last.ts"]);
  });

  it("are told of no more once it was closed", async () => {
    watch.close();
    write("pipelines/orders.ts", "two");
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(told).toEqual([]);
  });
});
