// What people and other processes ask of the scheduler, as data. The process that runs the scheduler takes them from the
// store one after the other; each is done once and answered there, so asking works with any number of processes.
import type { Failure } from "../../errors.ts";
import type { Json } from "../../json.ts";
import type { PartitionSelection } from "../../pipeline/partition.ts";

/** Which partitions of a backfill's selection are run: those that never succeeded, those whose newest run failed, or all. */
export type BackfillMode = "missing" | "failed" | "all";

export type Instruction =
  | {
      readonly type: "run";
      readonly pipeline: string;
      readonly partition: string | null;
      readonly params: Json;
      /** Asking twice with one key makes one run; null for a key of its own. */
      readonly key: string | null;
    }
  | {
      readonly type: "rerun";
      readonly run: string;
      /** from-failed: what did not succeed, and what follows it · step: one step and what follows · only: one step alone · all */
      readonly scope: "from-failed" | "step" | "only" | "all";
      readonly step: string | null;
      /** What the id of the new run ends in: asking twice with one makes one run. @default drawn */
      readonly id?: string;
    }
  | { readonly type: "cancel-run"; readonly run: string; readonly reason: string }
  | {
      readonly type: "decide";
      readonly run: string;
      readonly step: string;
      readonly decision: "approved" | "rejected";
      readonly note: string | null;
    }
  | {
      readonly type: "mark";
      readonly run: string;
      readonly step: string;
      readonly as: "succeeded" | "failed" | "skipped";
      readonly reason: string;
    }
  | {
      readonly type: "backfill";
      readonly pipeline: string;
      readonly selection: PartitionSelection;
      readonly mode: BackfillMode;
      /** Runs at a time. */
      readonly parallel: number;
    }
  | { readonly type: "cancel-backfill"; readonly backfill: string }
  | { readonly type: "resume-backfill"; readonly backfill: string }
  | { readonly type: "pause"; readonly pipeline: string }
  | { readonly type: "unpause"; readonly pipeline: string }
  /** Something has happened outside: it starts the pipelines that wait for events of this name. */
  | {
      readonly type: "event";
      readonly name: string;
      /** Telling twice with one key counts once. */
      readonly key: string;
      readonly partition: string | null;
      readonly params: Json;
    }
  | { readonly type: "add-partitions"; readonly set: string; readonly keys: readonly string[] }
  | { readonly type: "remove-partitions"; readonly set: string; readonly keys: readonly string[] };

export interface InstructionRecord {
  readonly id: string;
  readonly instruction: Instruction;
  /** Who asks: a user's name, or the address of an API call. */
  readonly by: string;
  readonly createdAt: number;
  readonly answeredAt: number | null;
  /** Null until answered, and when it failed. */
  readonly result: Json;
  readonly error: Failure | null;
}
