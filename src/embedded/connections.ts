// What a project is connected to, and whether that works. Settings are shown with references as they stand in the code and
// secrets hidden; a check resolves them, in this process, and tells none.
import { dirname } from "node:path";
import { systemClock } from "../clock.ts";
import {
  homeFolder,
  isReference,
  isSecret,
  resolveSetting,
  unknownConnection,
  type Connection,
  type Reference,
} from "../config.ts";
import type { CheckContext, ConnectionCheck, ConnectionFindings } from "../connect/connection-check.ts";
import { toFailure, type Failure } from "../errors.ts";
import type { Json } from "../json.ts";
import { createRedactor, silentLog, type Redactor } from "../log.ts";
import { loadConfig } from "./project.ts";

/** A connection as it may be shown. */
export interface ShownConnection {
  readonly name: string;
  readonly vendor: string;
  /** References as `env(NAME)` and `file(PATH)`, secrets that stand in the code as "[redacted]". */
  readonly settings: Json;
}

export interface CheckedConnection {
  readonly name: string;
  readonly vendor: string;
  /** Null where something stands in the way. */
  readonly findings: ConnectionFindings | null;
  readonly problem: Failure | null;
}

/** By vendor. */
const checks: Readonly<Record<string, () => Promise<ConnectionCheck>>> = {
  duckdb: async () => (await import("../adapters/duckdb/check.ts")).checkDuckdb,
  folder: async () => (await import("../adapters/files-table/check.ts")).checkFolder,
  http: async () => (await import("../adapters/http/check.ts")).checkHttp,
  inbox: async () => (await import("../adapters/inbox/check.ts")).checkInbox,
  lake: async () => (await import("../adapters/lake/check.ts")).checkLake,
  mysql: async () => (await import("../adapters/mysql/check.ts")).checkMysql,
  postgres: async () => (await import("../adapters/postgres/check.ts")).checkPostgres,
  s3: async () => (await import("../adapters/s3/check.ts")).checkS3,
  singer: async () => (await import("../adapters/singer/check.ts")).checkSinger,
  sqlite: async () => (await import("../adapters/sqlite/check.ts")).checkSqlite,
};

/** The project's connections, in the order in which they are defined. */
export async function listConnections(configPath: string): Promise<readonly ShownConnection[]> {
  return (await connectionsOf(configPath)).map(({ name, vendor, settings }) => ({
    name,
    vendor,
    settings: shown(settings, createRedactor()),
  }));
}

/** Checks these connections, or all where none is named; UNKNOWN_CONNECTION for one that isn't defined. */
export async function checkConnections(
  configPath: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly CheckedConnection[]> {
  const known = await connectionsOf(configPath);
  const chosen = names.map((name) => {
    const found = known.find((connection) => connection.name === name);
    if (found !== undefined) return found;
    throw unknownConnection(
      name,
      known.map((connection) => connection.name),
    );
  });
  return Promise.all((chosen.length === 0 ? known : chosen).map((connection) => check(connection, configPath, signal)));
}

async function connectionsOf(configPath: string): Promise<readonly Connection[]> {
  return Object.values((await loadConfig(configPath)).connections);
}

/** Longer than a server needs that is there, in milliseconds. */
const patience = 30_000;

async function check(connection: Connection, configPath: string, signal: AbortSignal): Promise<CheckedConnection> {
  const { name, vendor } = connection;
  const redactor = createRedactor();
  const folder = dirname(configPath);
  const context: CheckContext = {
    folder,
    home: homeFolder(folder),
    signal: AbortSignal.any([signal, AbortSignal.timeout(patience)]),
    log: silentLog,
    clock: systemClock,
    resolve: (setting) => {
      const value = resolveSetting(setting, folder);
      if (isSecret(setting)) redactor.add(value);
      return value;
    },
  };
  try {
    const open = checks[vendor];
    if (open === undefined) return { name, vendor, findings: null, problem: uncheckable(vendor) };
    // Only those that need it do resolve a setting: that one is missing is a problem of this connection in any case.
    resolveAll(connection.settings, context.resolve);
    const findings = await (await open())(connection, context);
    return { name, vendor, findings: redactor.value(findings), problem: null };
  } catch (error) {
    signal.throwIfAborted();
    return { name, vendor, findings: null, problem: redactor.value(toFailure(error)) };
  }
}

function resolveAll(value: unknown, resolve: (reference: Reference) => string): void {
  if (isReference(value)) resolve(value);
  else if (typeof value === "object" && value !== null)
    for (const item of Object.values(value)) resolveAll(item, resolve);
}

function uncheckable(vendor: string): Failure {
  return { code: "USAGE", message: `Connections of "${vendor}" can't be checked`, retryable: false };
}

/** The settings with references as text; what is a secret by its name is hidden. */
function shown(value: Json | undefined, redactor: Redactor): Json {
  const readable = (item: Json | undefined, key: string): Json => {
    if (item === undefined || item === null) return null;
    if (isReference(item)) return `${item.$ref}(${item.name})`;
    if (Array.isArray(item)) return item.map((one: Json) => readable(one, key));
    if (typeof item !== "object") return item;
    const fields = Object.entries(item).map(([name, one]) => [
      name,
      isHidden(item, name, one) ? "[redacted]" : readable(one, name),
    ]);
    return Object.fromEntries(fields) as Json;
  };
  const text = readable(value, "");
  // References first, so that `password: "env(DB_PASSWORD)"` isn't taken for the secret that it names.
  return redactUrls(text, redactor);
}

const secretName = /token|secret|password|passwd|passphrase|key$|credential|authorization|cookie/i;

/** Is it a text in the code that must not be shown? The value of a header or a field of that name is. */
function isHidden(within: Json, name: string, item: Json | undefined): boolean {
  if (typeof item !== "string" || isReference(item)) return false;
  const isKeyHeader = name === "value" && (within as { readonly by?: Json }).by === "header";
  // The addresses of token endpoints are no secret, nor are names of headers.
  return isKeyHeader || (secretName.test(name) && !/url$|header$/i.test(name));
}

function redactUrls(value: Json, redactor: Redactor): Json {
  if (typeof value === "string") return redactor.text(value);
  if (Array.isArray(value)) return value.map((item: Json) => redactUrls(item, redactor));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redactUrls(item ?? null, redactor)]));
}
