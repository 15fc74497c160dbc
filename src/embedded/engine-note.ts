// What the process that works on a state folder runs by: a note in a file, for those who read beside it without loading
// the project's code. It stays when the process ends, as what was true last; the lock alone tells whether it is.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Home } from "./home.ts";

export interface EngineNote {
  /** Does it start what schedules ask for? */
  readonly schedules: boolean;
  /** Slots of each pool. */
  readonly pools: Readonly<Record<string, number>>;
  /** How many attempts are handed to workers at a time. */
  readonly capacity: number;
  /** Worker processes at most. */
  readonly workers: number;
  readonly machine: { readonly cpus: number; readonly memory: number };
  /** The version that a pipeline's next run gets, by the pipeline's name. */
  readonly versions: Readonly<Record<string, string>>;
}

export function writeEngineNote(home: Home, note: EngineNote): void {
  const path = join(home.folder, "engine.json");
  // Whoever reads it meanwhile gets the one before, whole.
  writeFileSync(`${path}.tmp`, JSON.stringify(note));
  renameSync(`${path}.tmp`, path);
}

/** The last note; null where there is none. */
export function readEngineNote(home: Home): EngineNote | null {
  try {
    return JSON.parse(readFileSync(join(home.folder, "engine.json"), "utf8")) as EngineNote;
  } catch {
    return null;
  }
}
