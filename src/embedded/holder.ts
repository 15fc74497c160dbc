// Who works on a state folder, told from beside it.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Home } from "./home.ts";

/** "process 123: sluice run …"; null when nobody holds the folder's lock. */
export function holderOf(home: Home): string | null {
  const lock = join(home.folder, "lock.db");
  // Without the note of who holds it, nobody does; asking the lock itself would then only disturb whoever is taking it.
  if (!existsSync(join(home.folder, "lock.json")) || !existsSync(lock)) return null;
  const database = new DatabaseSync(lock, { readOnly: true, timeout: 0 });
  try {
    database.prepare("SELECT count(*) FROM sqlite_master").get();
    return null;
  } catch {
    return describeHolder(join(home.folder, "lock.json"));
  } finally {
    database.close();
  }
}

function describeHolder(path: string): string {
  try {
    const { pid, command } = JSON.parse(readFileSync(path, "utf8")) as { pid: number; command: string };
    return `process ${pid}: sluice ${command}`;
  } catch {
    return "another process";
  }
}
