// What a step is. Each room makes specs of its own kinds (extract, validate, load, gate, materialize, sync …);
// this file says what all of them have in common. A spec is a description plus the function that does the work;
// only the description enters the plan.
import type { Clock } from "../clock.ts";
import type { Json } from "../json.ts";
import type { Log } from "../log.ts";
import type { Partition } from "./partition.ts";
import type { Control } from "./plan.ts";

/** How the rows of one attempt add up. Kinds that don't move rows leave it out. */
export interface RowCounts {
  /** Rows that came in. */
  readonly in: number;
  /** Rows that went on: extracted, valid, loaded, materialized. */
  readonly out: number;
  /** Exact repeats that were dropped. */
  readonly duplicate: number;
  /** Rows set aside with their reasons. */
  readonly quarantined: number;
}

/** What an attempt hands back when it has succeeded. `output` is small JSON: data goes by dataset handle. */
export interface StepResult<Output = unknown> {
  readonly output: Output;
  readonly rows?: RowCounts;
  /** Assets this attempt brought up to date, such as "warehouse.sales". */
  readonly assets?: readonly string[];
  /** A sensor's: it has looked, and what it waits for is not there yet. */
  readonly unmet?: boolean;
}

/** What the code of a step is given, apart from its room's own needs. */
export interface StepContext {
  readonly runId: string;
  readonly pipeline: string;
  readonly step: string;
  /** Null in a pipeline without partitions. */
  readonly partition: Partition | null;
  /** The params of the run, with their defaults; null in a pipeline that takes none. */
  readonly params: Json;
  /** Position of the item this attempt works on, from 0; null in a step that is not mapped. */
  readonly item: number | null;
  /** 1 for the first try. */
  readonly attempt: number;
  /** Grows with every run and every attempt in a project: a sink refuses whatever is lower than what it has seen. */
  readonly fence: number;
  /** The same for every attempt of this step in this run: the key under which its effect happens once. */
  readonly idempotencyKey: string;
  /** Outputs of the steps it depends on, by the name the spec gave them. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Aborted on cancellation and on timeout. */
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly clock: Clock;
  /** Where the project's files are: relative paths in specs start here. */
  readonly folder: string;
}

/**
 * A kind of step, filled in. `Needs` is what the room's code must be handed at run time (a session, stores,
 * connections); the composition root provides one object that satisfies every room.
 */
export interface StepSpec<Output, Needs = never> {
  readonly kind: string;
  /** Handles of the steps whose outputs this one reads, by the name under which it reads them. */
  readonly inputs: Readonly<Record<string, StepHandle<unknown>>>;
  /** What makes this step what it is, as JSON. It is part of the pipeline's version. */
  readonly config: Json;
  /** How the engine treats it. @default it is run, once */
  readonly control?: Control;
  readonly execute: (context: StepContext, needs: Needs) => Promise<StepResult<Output>>;
  /** How the step does its work, for people who ask; no part of the version. */
  readonly explanation?: () => Json;
}

declare const output: unique symbol;

/** Stands for a step's output while the pipeline is being described. Depending on a step means holding its handle. */
export interface StepHandle<Output> {
  readonly step: string;
  /** Never there at run time: it carries the type. */
  readonly [output]?: Output;
}
