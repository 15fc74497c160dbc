// Deletes what is stored of old runs, beside whatever process works on the project: in small transactions, of which none
// touches what a scheduler decides by.
import { existsSync } from "node:fs";
import { openEngineStore } from "../adapters/sqlite/engine-store.ts";
import type { Home } from "./home.ts";

/** @param before In milliseconds since the epoch. @param keep Newest runs of each pipeline and partition that stay. */
export async function pruneRuns(home: Home, before: number, keep: number): Promise<number> {
  if (!existsSync(home.state)) return 0;
  const store = openEngineStore(home.state);
  try {
    return await store.prune(before, keep);
  } finally {
    store.close();
  }
}
