// All that the engine keeps, in one place: one transaction can cover a run and the request it came from.
import type { RequestStore } from "./request-store.ts";
import type { RunStore } from "./run-store.ts";

export type EngineStore = RunStore & RequestStore;
