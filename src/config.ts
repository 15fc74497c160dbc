// The project's configuration and the only reader of the environment. References (env, file) are plain data
// that travel through plans and state unresolved; they are resolved late, in the process that needs the value.
import { readFileSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { SluiceError } from "./errors.ts";
import { readHooks, type HookOptions, type ReadHooks } from "./hook.ts";
import type { JsonObject } from "./json.ts";

/** A value that lives outside the code: the name of an environment variable or of a file. Never the value itself. */
export interface Reference {
  readonly $ref: "env" | "file";
  readonly name: string;
  readonly default?: string;
  /** False when its value may be shown. */
  readonly secret?: false;
}

/** What to do where an environment variable isn't set, and whether its value may be shown. */
export interface EnvOptions {
  /** The value where the variable isn't set. @default none: using it then fails with REFERENCE_UNRESOLVED */
  readonly default?: string;
  /** `false` for what may be shown, such as the address of a server. @default a secret, redacted everywhere */
  readonly secret?: false;
}

/** The environment variable `name`, read when it is needed. */
export function env(name: string, options: EnvOptions = {}): Reference {
  return { $ref: "env", name, ...options };
}

/** The content of the file at `path` (without the last line end), read when it is needed. Its value counts as a secret. */
export function file(path: string): Reference {
  return { $ref: "file", name: path };
}

/** A setting given as it is, or as a reference to where it lives. */
export type Setting = string | Reference;

export function isReference(value: unknown): value is Reference {
  return typeof value === "object" && value !== null && "$ref" in value;
}

/** Must the setting's value be hidden? A value that stands in the code is no secret. */
export function isSecret(setting: Setting): boolean {
  return isReference(setting) && setting.secret !== false;
}

/** The value behind a setting. `folder` is where relative file references start. */
export function resolveSetting(setting: Setting, folder: string): string {
  if (typeof setting === "string") return setting;
  if (setting.$ref === "env") {
    const value = process.env[setting.name] ?? setting.default;
    if (value !== undefined) return value;
    throw new SluiceError("REFERENCE_UNRESOLVED", `The environment variable ${setting.name} is not set`, {
      hint: `Set it, for example: export ${setting.name}=…`,
      details: { variable: setting.name },
    });
  }
  const path = isAbsolute(setting.name) ? setting.name : join(folder, setting.name);
  try {
    return readFileSync(path, "utf8").replace(/\r?\n$/, "");
  } catch (cause) {
    throw new SluiceError(
      "REFERENCE_UNRESOLVED",
      `The file ${path}, which the configuration refers to, can't be read`,
      {
        hint: "Create it with the value as its only line.",
        cause,
      },
    );
  }
}

/** A place data comes from or goes to, under a name: what `sqlite(…)`, `postgres(…)`, `http(…)`, `lake()` make. */
export interface Connection {
  readonly name: string;
  /** Which adapter serves it: "sqlite", "postgres", "http", "lake" … */
  readonly vendor: string;
  /** Plain data, references unresolved. */
  readonly settings: JsonObject;
}

/** A connection that waits for its name: the key under which `defineConfig` finds it. */
export type ConnectionFactory<C extends Connection = Connection> = (name: string) => C;

/** What a project sets: its connections, what its workers may use, and whom it tells. */
export interface ConfigOptions<F extends Record<string, ConnectionFactory>> {
  readonly connections?: F;
  /** Worker processes. @default the number of processors, at most 4 */
  readonly workers?: number;
  /** Memory that each worker's query engine may use before it spills to disk, such as "2GB". @default a share of the machine's */
  readonly memory?: string;
  /** Slots by pool: as many attempts of steps with `pool: "api"` run at a time as `pools: { api: 5 }` says. */
  readonly pools?: Readonly<Record<string, number>>;
  /** How long rows stay in quarantine, such as "90d": `sluice prune` deletes older ones. @default as long as prune keeps runs */
  readonly keepQuarantine?: string;
  /** What is called for every pipeline: when a run or step has succeeded or failed, a step is tried again, or either is late. */
  readonly on?: HookOptions;
}

/** What `defineConfig` makes: the connections under their names, each typed by what made it. */
export interface Config<F extends Record<string, ConnectionFactory> = Record<string, ConnectionFactory>> {
  readonly kind: "sluice.config";
  readonly connections: { readonly [K in keyof F]: ReturnType<F[K]> };
  readonly workers: number | undefined;
  readonly memory: string | undefined;
  readonly pools: Readonly<Record<string, number>>;
  /** In milliseconds. */
  readonly keepQuarantine: number | undefined;
  /** The project's own hooks. */
  readonly hooks: ReadHooks;
}

/**
 * A project's configuration: its connections, by name, what its workers may use, its pools and its hooks.
 *
 * ```ts
 * export const config = defineConfig({ connections: { warehouse: lake(), shop: sqlite("data/shop.db") } });
 * export const { warehouse, shop } = config.connections;
 * export default config;
 * ```
 */
export function defineConfig<const F extends Record<string, ConnectionFactory> = Record<never, ConnectionFactory>>(
  options: ConfigOptions<F> = {},
): Config<F> {
  const known: Record<string, Connection> = {};
  for (const [name, make] of Object.entries(options.connections ?? {})) {
    if (!/^[a-z][a-z0-9_]*$/.test(name)) {
      throw new SluiceError("CONFIG_INVALID", `The connection name "${name}" is not a plain lower-case name`, {
        hint: "Use letters, digits and _, starting with a letter: it is also the schema's name in queries.",
      });
    }
    known[name] = make(name);
  }
  return Object.freeze({
    kind: "sluice.config",
    connections: new Proxy(Object.freeze(known), {
      get: (target, name) => connectionNamed(target, name),
    }) as Config<F>["connections"],
    workers: options.workers,
    memory: options.memory,
    pools: checkedPools(options.pools ?? {}),
    keepQuarantine: options.keepQuarantine === undefined ? undefined : ageOf(options.keepQuarantine),
    hooks: readHooks(options.on, "The project"),
  });
}

const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

function ageOf(text: string): number {
  const match = /^(\d+)\s*([mhd])$/.exec(text);
  if (match !== null) return Number(match[1]) * units[match[2]!]!;
  throw new SluiceError("CONFIG_INVALID", `keepQuarantine "${text}" is not a length of time`, {
    hint: "Write a number and a unit, such as 90d or 12h.",
  });
}

function checkedPools(pools: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  for (const [name, slots] of Object.entries(pools)) {
    if (!/^[a-z][a-z0-9_]*$/.test(name)) {
      throw new SluiceError("CONFIG_INVALID", `The pool name "${name}" is not a plain lower-case name`, {
        hint: "Use letters, digits and _, starting with a letter.",
      });
    }
    if (!Number.isSafeInteger(slots) || slots < 1) {
      throw new SluiceError("CONFIG_INVALID", `The pool "${name}" has ${String(slots)} slots`, {
        hint: "Write a whole number from 1.",
      });
    }
  }
  return Object.freeze({ ...pools });
}

function connectionNamed(known: Record<string, Connection>, name: string | symbol): Connection | undefined {
  // `await` and JSON.stringify ask any object for these.
  if (typeof name === "symbol" || name in known || name === "then" || name === "toJSON") return known[name as string];
  throw unknownConnection(name, Object.keys(known));
}

/** The error for a connection that isn't there, with the names of those that are. */
export function unknownConnection(name: string, known: readonly string[]): SluiceError {
  return new SluiceError("UNKNOWN_CONNECTION", `There is no connection "${name}" in sluice.config.ts`, {
    hint: known.length === 0 ? "It defines none." : `It defines ${known.join(", ")}.`,
    details: { name, known },
  });
}

/** The state folder of the project in `folder`: `SLUICE_HOME` (relative to where the command is given), else `.sluice` in it. */
export function homeFolder(folder: string): string {
  const home = process.env["SLUICE_HOME"];
  return home ? resolve(home) : join(folder, ".sluice");
}

/** What whoever reads by HTTP must show: `SLUICE_READ_TOKEN`; null where it isn't set. */
export function readToken(): string | null {
  return process.env["SLUICE_READ_TOKEN"] || null;
}

/** What whoever changes something by HTTP must show: `SLUICE_TOKEN`; null where it isn't set. */
export function serviceToken(): string | null {
  return process.env["SLUICE_TOKEN"] || null;
}
