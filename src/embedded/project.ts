// Finding a project and loading what it defines. Loading runs the user's code: workers and commands that need
// definitions do it, the scheduler never does.
import { existsSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Config } from "../config.ts";
import { isSluiceError, SluiceError } from "../errors.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { checkAwaited } from "../pipeline/awaited.ts";
import { checkPools } from "../pipeline/pools.ts";

export interface Project {
  readonly folder: string;
  readonly config: Config;
  /** By name. */
  readonly pipelines: ReadonlyMap<string, Pipeline>;
  /** File of each pipeline, relative to the folder. */
  readonly files: ReadonlyMap<string, string>;
}

const configNames = ["sluice.config.ts", "sluice.config.mts", "sluice.config.js", "sluice.config.mjs"];

/** Path of the nearest configuration file in `start` or a folder above it. */
export function findConfig(start: string): string {
  for (let folder = resolve(start); ; folder = dirname(folder)) {
    const name = configNames.find((candidate) => existsSync(join(folder, candidate)));
    if (name !== undefined) return join(folder, name);
    if (dirname(folder) === folder) break;
  }
  throw new SluiceError("CONFIG_NOT_FOUND", `There is no sluice.config.ts in ${resolve(start)} or a folder above it`, {
    hint: "Change to the project's folder, or make one with: sluice init my-project",
  });
}

/** Loads the configuration alone. */
export async function loadConfig(path: string): Promise<Config> {
  const module = await importFile(path, dirname(path));
  const config = module["default"];
  if (typeof config === "object" && config !== null && (config as Config).kind === "sluice.config")
    return config as Config;
  throw new SluiceError("CONFIG_INVALID", `${path} has no default export made by defineConfig(…)`, {
    hint: "End it with: export default defineConfig({ … });",
  });
}

/** Loads the configuration and every file of `pipelines/`. */
export async function loadProject(configPath: string): Promise<Project> {
  const folder = dirname(configPath);
  const config = await loadConfig(configPath);
  const pipelines = new Map<string, Pipeline>();
  const files = new Map<string, string>();
  for (const file of pipelineFiles(folder)) {
    const module = await importFile(file, folder);
    const name = relative(folder, file);
    for (const found of new Set(Object.values(module).filter(isPipeline))) {
      const other = files.get(found.name);
      if (other !== undefined) {
        throw new SluiceError(
          "DEFINITION_INVALID",
          `Two pipelines are named "${found.name}": in ${other} and in ${name}`,
          {
            hint: "Rename one of them.",
          },
        );
      }
      pipelines.set(found.name, found);
      files.set(found.name, name);
    }
  }
  checkPools(pipelines.values(), config.pools);
  checkAwaited(pipelines.values());
  return { folder, config, pipelines, files };
}

function pipelineFiles(folder: string): string[] {
  const root = join(folder, "pipelines");
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.m?[jt]s$/.test(name) && !/\.d\.m?ts$|\.test\.m?[jt]s$/.test(name))
    .sort()
    .map((name) => join(root, name));
}

function isPipeline(value: unknown): value is Pipeline {
  return typeof value === "object" && value !== null && (value as { kind?: unknown }).kind === "sluice.pipeline";
}

async function importFile(path: string, folder: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    if (isSluiceError(error)) {
      const where = error.message.includes(relative(folder, path)) ? "" : `${relative(folder, path)}: `;
      throw new SluiceError(error.code, `${where}${error.message}`, error);
    }
    throw importError(error, path, folder);
  }
}

function importError(error: unknown, path: string, folder: string): SluiceError {
  const code = (error as { code?: string } | null)?.code;
  const text = error instanceof Error ? error.message : String(error);
  const [place, message] = locate(error, path, folder, text);
  if (code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") {
    return new SluiceError("CONFIG_INVALID", `${place}: ${message}`, {
      hint: "Node runs TypeScript by erasing types, so `enum`, `namespace` and parameter properties can't be used; a union of strings does what an enum does.",
      cause: error,
    });
  }
  if (code === "ERR_MODULE_NOT_FOUND") {
    return new SluiceError("CONFIG_INVALID", `${place}: ${message}`, {
      hint: "Check the path (imports of your own files end in .ts), or install the package.",
      cause: error,
    });
  }
  const syntax = error instanceof SyntaxError || code === "ERR_INVALID_TYPESCRIPT_SYNTAX";
  return new SluiceError(
    "CONFIG_INVALID",
    `${place} ${syntax ? "does not parse" : "throws when it is loaded"}: ${message}`,
    {
      hint: syntax
        ? "Mend the syntax at that place."
        : "Run the file by itself to see the whole stack: node " + relative(folder, path),
      cause: error,
    },
  );
}

/** The place of a loading error, as file and line where the error tells, and the message in one line. */
function locate(error: unknown, path: string, folder: string, text: string): [string, string] {
  const file = relative(folder, path);
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  // Node puts `file:///…:LINE` (or a plain path) before the message of a syntax error, and `(file:///…:LINE:COLUMN)` in a stack.
  const own = /(?:file:\/\/)?(\/[^\s:()]+\.m?[jt]s):(\d+)/.exec(stack);
  const message =
    text
      .split("\n")
      .map((line) => line.trim())
      .find((line) => line !== "" && !/^[,|╭╰·─]/.test(line)) ?? text;
  if (own === null || !own[1]!.startsWith(folder)) return [file, message];
  return [`${relative(folder, own[1]!)}:${own[2]}`, message];
}
