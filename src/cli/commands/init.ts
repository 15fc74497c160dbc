// sluice init: makes a new project that runs. It touches no folder that has something in it, and nothing is fetched.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, relative, resolve } from "node:path";
import { SluiceError } from "../../errors.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { readTemplate } from "../template.ts";

export const command: CommandDefinition = {
  examples: ["sluice init demo"],
  description:
    "Makes a project in a new folder: a configuration, a contract, a feature view and a pipeline over some made-" +
    "up orders, some of which are wrong.",
  arguments: [{ name: "dir", description: "folder to make; its name becomes the project's" }],
  options: [{ name: "template", value: "name", description: "what to start from", choices: ["demo"], default: "demo" }],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  const folder = resolve(context.io.cwd, input.argument("dir"));
  const name =
    basename(folder)
      .toLowerCase()
      .replace(/[^a-z0-9._-]+/g, "-")
      .replace(/^[._-]+/, "") || "demo";
  const files = readTemplate(input.text("template") ?? "demo", name);
  write(folder, files);
  const next = nextCommands(relative(context.io.cwd, folder), resolvesFrom(folder));
  const made = relative(context.io.cwd, folder) || "the project";
  await context.output.result({ folder, files: [...files.keys()], next }, () => {
    const lines = next.map(
      (line) => `  ${line}
`,
    );
    return `Made ${made} (${files.size} files). Type next:

${lines.join("")}`;
  });
  return 0;
}

/** Writes a new folder under another name first, so that it appears whole or not at all. */
function write(folder: string, files: ReadonlyMap<string, string>): void {
  const known = statSync(folder, { throwIfNoEntry: false });
  if (known !== undefined && (!known.isDirectory() || readdirSync(folder).length > 0)) {
    throw new SluiceError("USAGE", `${folder} ${known.isDirectory() ? "is not empty" : "is a file"}`, {
      hint: "Name a folder that does not exist yet.",
    });
  }
  if (known === undefined) mkdirSync(dirname(folder), { recursive: true });
  const staging = known === undefined ? mkdtempSync(join(dirname(folder), ".sluice-init-")) : folder;
  try {
    for (const [path, text] of files) {
      mkdirSync(dirname(join(staging, path)), { recursive: true });
      writeFileSync(join(staging, path), text, { flag: "wx" });
    }
    if (staging !== folder) renameSync(staging, folder);
  } catch (error) {
    if (staging !== folder) rmSync(staging, { recursive: true, force: true });
    throw error;
  }
}

function nextCommands(folder: string, installed: boolean): string[] {
  return [
    ...(folder === "" ? [] : [`cd ${/^[\w./-]+$/.test(folder) ? folder : JSON.stringify(folder)}`]),
    ...(installed ? [] : ["npm install"]),
    "npx sluice run orders_daily --partition 2026-01-05",
    "npx sluice backfill orders_daily --from 2026-01-05 --to 2026-01-08",
    "npx sluice quarantine show orders_daily",
    'npx sluice query "select status, count(*) as orders, sum(amount) as amount from warehouse.orders group by 1 order by 1"',
    "npx sluice features get customer_orders c-102",
    "npx sluice serve",
  ];
}

/** Are the packages that the project imports found from its folder, such as in a folder above it? */
function resolvesFrom(folder: string): boolean {
  const { resolve: find } = createRequire(join(folder, "package.json"));
  try {
    return existsSync(find("sluice/package.json")) && existsSync(find("zod/package.json"));
  } catch {
    return false;
  }
}
