// The floor under a durable task: one commit of one row that is on the disk when it returns, in the same kind of file and
// with the same settings as the engine's.
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { median } from "../bench.ts";

export interface Floor {
  /** Milliseconds of a commit of one row, median. */
  readonly commitMs: number;
  /** The same without waiting for the disk: what of it isn't the disk. */
  readonly commitWithoutSyncMs: number;
}

export function measureFloor(folder: string, commits: number): Floor {
  const time = (synchronous: "FULL" | "OFF"): number => {
    const database = new DatabaseSync(join(folder, `floor-${synchronous}.db`));
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}; CREATE TABLE steps (text TEXT)`);
    const insert = database.prepare("INSERT INTO steps VALUES (?)");
    const times: number[] = [];
    for (let index = 0; index < commits; index += 1) {
      const start = performance.now();
      // Outside of a transaction a statement is one: begun, written and committed.
      insert.run("succeeded");
      times.push(performance.now() - start);
    }
    database.close();
    return median(times);
  };
  return { commitMs: time("FULL"), commitWithoutSyncMs: time("OFF") };
}
