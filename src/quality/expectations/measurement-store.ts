// Port: what expectations have measured in the past, so that today's values can be held against it. Per pipeline, step
// and series it holds one set of values for each place on the time line: a partition, or a run where there are none.
import type { Json } from "../../json.ts";

/** Whose values these are. */
export interface MeasurementKey {
  readonly pipeline: string;
  readonly step: string;
  /** What is compared over time: partitions that differ in more than their time are series of their own. */
  readonly series: string;
  /** The partition's key, or the run's id. Values that are recorded there again replace the ones before. */
  readonly place: string;
  /** Where the place lies on the time line: when the partition starts or the run judged it. Milliseconds since the epoch. */
  readonly at: number;
  readonly runId: string;
  /** A writer whose fence is lower than that of the values it would replace is refused. */
  readonly fence: number;
}

/** A value that was measured: a number, or what columns there were. */
export interface Measurement {
  /** What was measured, such as "mean(age)". */
  readonly measurement: string;
  readonly value: Json;
}

export interface PastValue {
  readonly place: string;
  readonly at: number;
  readonly runId: string;
  readonly value: Json;
}

export interface MeasurementStore {
  /** Makes these the values of the key's place, all at once or not at all. Throws FENCED if a higher fence has written there. */
  record(key: MeasurementKey, measurements: readonly Measurement[]): Promise<void>;
  /** Values of a measurement, the newest first; `before` leaves out what lies there or later on the time line. */
  past(filter: {
    readonly pipeline: string;
    readonly step: string;
    readonly series: string;
    readonly measurement: string;
    readonly before?: number;
    readonly limit: number;
  }): Promise<PastValue[]>;
  close(): void;
}

/** So many places are kept per series; the oldest on the time line go first. */
export const placesKept = 5000;
