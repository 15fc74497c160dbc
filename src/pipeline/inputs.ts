// What steps read: handles by name, and the outputs they stand for.
import type { StepHandle } from "./step.ts";

/** Handles of the steps whose outputs are read, by the name under which they are read. */
export type Inputs = Readonly<Record<string, StepHandle<unknown>>>;

/** The outputs behind handles. */
export type OutputsOf<I extends Inputs> = {
  readonly [K in keyof I]: I[K] extends StepHandle<infer Output> ? Output : never;
};
