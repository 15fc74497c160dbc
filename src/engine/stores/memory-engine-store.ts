// The store in memory: what the ports mean, in their plainest form, for tests and simulations. Nothing survives the
// process.
import type { EngineStore } from "./engine-store.ts";
import { createMemoryRequestStore } from "./memory-request-store.ts";
import { createMemoryRunStore } from "./memory-run-store.ts";
import { createTables } from "./memory-tables.ts";

/** An empty store. */
export function createMemoryEngineStore(): EngineStore {
  const tables = createTables();
  return { ...createMemoryRunStore(tables), ...createMemoryRequestStore(tables) };
}
