// What the suites of the engine's store are run against.
import type { EngineStore } from "../../src/engine/stores/engine-store.ts";
import { testRequestStore } from "./request-store.ts";
import { testRunHistories } from "./run-histories.ts";
import { testRunRecords } from "./run-records.ts";
import { testRunStore } from "./run-store.ts";

/** One store, empty. */
export interface EngineStoreHarness {
  readonly store: EngineStore;
  /** Another handle on the same store, for a suite whose store `survives`. */
  readonly reopen?: (options?: { readonly readOnly?: boolean }) => EngineStore;
  dispose(): Promise<void>;
}

export interface EngineStoreSuite {
  readonly name: string;
  /** Is everything there for another handle, and after a close? */
  readonly survives: boolean;
  create(): Promise<EngineStoreHarness>;
}

/** Registers all cases for one store. */
export function testEngineStore(suite: EngineStoreSuite): void {
  testRunStore(suite);
  testRunRecords(suite);
  testRunHistories(suite);
  testRequestStore(suite);
}
