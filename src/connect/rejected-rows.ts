// Port: where rows go that can't be read or loaded as they are, with their reasons. The quarantine serves it: what a
// source or a schema sets aside lies beside what contracts do, and the same commands show it.
import { deliveryOf } from "../dataset/position.ts";
import { SluiceError } from "../errors.ts";
import type { Json, JsonObject } from "../json.ts";
import type { StepContext } from "../pipeline/step.ts";

/** Whose rows these are: see quality/quarantine-store.ts, which has the same fields. */
export interface RejectionKey {
  readonly pipeline: string;
  readonly step: string;
  readonly partition: string | null;
  readonly delivery: string;
  readonly runId: string;
  /** What they broke: "csv", or the table whose schema they don't fit. */
  readonly contract: string;
  readonly fence: number;
  readonly at: number;
}

export interface RejectedRow {
  /** Position of the row in what was read, from 1. */
  readonly record: number;
  readonly row: JsonObject;
  readonly reasons: readonly {
    readonly path: string;
    readonly rule: string;
    readonly value: Json;
    readonly message: string;
  }[];
}

export interface RejectedRows {
  /** Makes `rows` the rejected ones of the step, partition and delivery, in place of those that were there. Returns how many it holds. */
  replace(
    key: RejectionKey,
    rows: AsyncIterable<readonly RejectedRow[]> | Iterable<readonly RejectedRow[]>,
  ): Promise<number>;
}

/** What a step rejects, under the step's own key; `positions` are those from which its rows were read. */
export function rejectInto(
  rejected: RejectedRows,
  context: Pick<StepContext, "pipeline" | "step" | "partition" | "runId" | "fence" | "clock">,
  positions: Parameters<typeof deliveryOf>[0],
): (what: string, rows: Parameters<RejectedRows["replace"]>[1]) => Promise<number> {
  return (what, rows) =>
    rejected.replace(
      {
        pipeline: context.pipeline,
        step: context.step,
        partition: context.partition?.key ?? null,
        delivery: deliveryOf(positions),
        runId: context.runId,
        contract: what,
        fence: context.fence,
        at: context.clock.now(),
      },
      rows,
    );
}

/** Where there is no quarantine: the first row that would be rejected is an error. */
export async function rejectNothing(what: string, rows: Parameters<RejectedRows["replace"]>[1]): Promise<number> {
  for await (const batch of rows) {
    const [first] = batch;
    if (first === undefined) continue;
    throw new SluiceError(
      "SOURCE_MALFORMED",
      `Row ${first.record} of ${what}: ${first.reasons[0]?.message ?? "it can't be read"}`,
    );
  }
  return 0;
}
