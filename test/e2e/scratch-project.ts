// A small project of its own for one test. It lies inside the repository, so that `import … from "sluice"` finds the
// package as it does in a user's project.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { root } from "./command.ts";

export interface ScratchProject {
  readonly folder: string;
  write(path: string, content: string | Uint8Array): void;
  remove(): void;
}

export function scratchProject(files: Readonly<Record<string, string | Uint8Array>> = {}): ScratchProject {
  const parent = join(root, "test/.tmp");
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "project-"));
  const write = (path: string, content: string | Uint8Array): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  };
  for (const [path, content] of Object.entries(files)) write(path, content);
  return { folder, write, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export const configWithWarehouse = `
import { defineConfig } from "sluice";
import { lake } from "sluice/connect";
export const config = defineConfig({ connections: { warehouse: lake() } });
export const { warehouse } = config.connections;
export default config;
`;

/** One CSV into one table through one contract; the file is data/events.csv.gz. */
export const eventsPipeline = `
import { extract, load, pipeline } from "sluice";
import { csv } from "sluice/connect";
import { contract, validate } from "sluice/quality";
import { z } from "zod";
import { warehouse } from "../sluice.config.ts";

const event = contract("event", { row: z.strictObject({ user_id: z.string().min(1), amount: z.number().positive() }) });

export default pipeline("events", ({ step }) => {
  const rows = step("rows", extract(csv("data/events.csv.gz", { columns: { user_id: "user_id", amount: "amount" } })));
  const clean = step("clean", validate(rows, event));
  step("load", load(clean, warehouse.table("events"), { write: "replace" }));
});
`;

export function eventsProject(csv: string | Uint8Array): ScratchProject {
  return scratchProject({
    "sluice.config.ts": configWithWarehouse,
    "pipelines/events.ts": eventsPipeline,
    "data/events.csv.gz": gzipSync(csv),
  });
}
