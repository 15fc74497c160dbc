// The state folder: what lies where in it, and the lock that lets one process at a time work there.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { deliveriesFile } from "../adapters/sqlite/delivery-store.ts";
import { homeUnusable, SluiceError } from "../errors.ts";

export interface Home {
  readonly folder: string;
  /** Runs, steps, logs. */
  readonly state: string;
  readonly quarantine: string;
  /** What expectations have measured. */
  readonly measurements: string;
  readonly profiles: string;
  readonly features: string;
  readonly indexes: string;
  /** What webhooks have delivered. */
  readonly deliveries: string;
  readonly artifacts: string;
  readonly temporary: string;
}

export function homeAt(folder: string): Home {
  return {
    folder,
    state: join(folder, "state.db"),
    quarantine: join(folder, "quarantine.db"),
    measurements: join(folder, "measurements.db"),
    profiles: join(folder, "profiles.db"),
    features: join(folder, "features.db"),
    indexes: join(folder, "indexes"),
    deliveries: join(folder, deliveriesFile),
    artifacts: join(folder, "artifacts"),
    temporary: join(folder, "tmp"),
  };
}

/** File of an index's store. */
export function indexFile(home: Home, name: string): string {
  return join(home.indexes, `${name}.db`);
}

/**
 * Makes the folder ready and takes its lock, which the operating system releases when the process ends, however it
 * ends. Files that a killed process left half-written are removed.
 */
export function lockHome(home: Home, command: string): { release(): void } {
  const holder = join(home.folder, "lock.json");
  try {
    mkdirSync(home.folder, { recursive: true });
  } catch (cause) {
    throw homeUnusable(`The state folder ${home.folder} can't be created: ${(cause as Error).message}`, cause);
  }
  let lock: DatabaseSync;
  try {
    lock = new DatabaseSync(join(home.folder, "lock.db"));
    lock.exec("PRAGMA busy_timeout = 0");
    lock.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    if (!/locked|busy/i.test(String(cause))) {
      throw homeUnusable(`The state folder ${home.folder} can't be written: ${(cause as Error).message}`, cause);
    }
    throw new SluiceError("HOME_BUSY", `Another sluice process is working on ${home.folder}${describeHolder(holder)}`, {
      hint: "Wait until it has ended, or stop it; reading commands (runs, logs, query, serve …) work meanwhile.",
    });
  }
  writeFileSync(holder, JSON.stringify({ pid: process.pid, command }));
  // Workers that outlive a killed scheduler for a moment may still write there.
  rmSync(home.temporary, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
  mkdirSync(home.temporary, { recursive: true });
  return {
    release: () => {
      rmSync(holder, { force: true });
      lock.close();
    },
  };
}

function describeHolder(path: string): string {
  try {
    const { pid, command } = JSON.parse(readFileSync(path, "utf8")) as { pid: number; command: string };
    return ` (process ${pid}: sluice ${command})`;
  } catch {
    return "";
  }
}
