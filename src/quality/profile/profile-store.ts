// Port: what was found of each run's data, so that the next can be compared with it. One entry per run and step; it is
// kept until it is pruned, whatever becomes of the data.
import type { Json } from "../../json.ts";
import type { Profile } from "./profile.ts";

/** Whose data it is. */
export interface ProfileKey {
  readonly pipeline: string;
  readonly step: string;
  /** Null in a pipeline without partitions. */
  readonly partition: string | null;
  /** What is compared over time: partitions that differ in more than their time are series of their own. */
  readonly series: string;
  /** Where the partition begins, ISO 8601 in UTC; null for one that is no time. */
  readonly start: string | null;
  readonly runId: string;
  /** Of two runs of a partition, the one with the higher fence counts. */
  readonly fence: number;
  /** Milliseconds since the epoch, UTC. */
  readonly at: number;
}

export interface ProfileEntry extends ProfileKey {
  readonly profile: Profile;
  /** What the step has made of it. */
  readonly report: Json;
  /** False where the step refused the data: no later run is compared with it. */
  readonly accepted: boolean;
}

export interface ProfileStore {
  /** Keeps an entry, in place of one of the same run and step; durable when it returns. */
  record(entry: ProfileEntry): Promise<void>;
  /**
   * What a run is to be compared with, the newest first: accepted entries of the same pipeline and step. For a partition
   * that is a slice of time, one for each slice of its series before it; for any other, earlier runs of the same partition.
   */
  earlier(
    key: Pick<ProfileKey, "pipeline" | "step" | "partition" | "series" | "start" | "fence">,
    limit: number,
  ): Promise<ProfileEntry[]>;
  /** All entries of a run, in the order of their steps' names. */
  ofRun(runId: string): Promise<ProfileEntry[]>;
  /**
   * Deletes entries from before a time (milliseconds since the epoch), except the newest `keep` of each pipeline and step.
   * Returns how many.
   */
  prune(before: number, keep: number): Promise<number>;
  close(): void;
}
