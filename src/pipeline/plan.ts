// A plan: what a pipeline is, as canonical data without functions. Its hash is the pipeline's version.
import { contentHash, type Json } from "../json.ts";
import type { Partitions } from "./partition.ts";
import type { RetryPolicy } from "./retry.ts";

export interface PlanStep {
  readonly name: string;
  readonly kind: string;
  /** Names of the steps that must have succeeded before. */
  readonly dependsOn: readonly string[];
  readonly retry: RetryPolicy;
  /** Milliseconds one attempt may take; null for no limit. */
  readonly timeoutMs: number | null;
  readonly config: Json;
}

export interface Plan {
  readonly pipeline: string;
  /** SHA-256 over everything else in the plan, in hex. */
  readonly version: string;
  readonly partitions: Partitions | null;
  /** In an order in which every step comes after those it depends on. */
  readonly steps: readonly PlanStep[];
}

export function makePlan(parts: Omit<Plan, "version">): Plan {
  return Object.freeze({ ...parts, version: contentHash(parts) });
}
