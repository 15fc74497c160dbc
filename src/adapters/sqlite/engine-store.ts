// The engine's store on one SQLite file: runs, and what they come from, in one database, so that one transaction can
// cover both.
import type { EngineStore } from "../../engine/stores/engine-store.ts";
import { openDatabase } from "./database.ts";
import { createRequestStore } from "./request-store.ts";
import { runMigrations } from "./run-schema.ts";
import { createRunStore } from "./run-store.ts";

/** Opens the store at `path`. Read-only opens need the file to exist. */
export function openEngineStore(path: string, options: { readonly readOnly?: boolean } = {}): EngineStore {
  const database = openDatabase(path, { migrations: runMigrations, ...options });
  return { ...createRunStore(database), ...createRequestStore(database) };
}
