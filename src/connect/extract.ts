// The step that brings rows in. It reads a source to its end, or what is new of it, through the adapter of the source's
// vendor and hands on a dataset; it neither checks nor changes the rows.
import { SluiceError } from "../errors.ts";
import type { Dataset } from "../dataset/dataset.ts";
import type { Json } from "../json.ts";
import type { StepContext, StepSpec } from "../pipeline/step.ts";
import { planIncrement, type IncrementalOptions, type PositionPlan, type WindowPlan } from "./incremental.ts";
import type { ConnectNeeds } from "./needs.ts";
import { planNewFiles, readNewFiles, type FromNewFiles, type NewFilesPlan } from "./new-files.ts";
import { readOnward, readWindow } from "./read-increment.ts";
import { rejectInto } from "./rejected-rows.ts";
import type { Table } from "./sink.ts";
import type { Source, SourceContext } from "./source.ts";

/** How much of a source is read. */
export interface ExtractOptions {
  /** Only what is new or changed since the last load of a table, or what lies in a window. @default all of it */
  readonly incremental?: IncrementalOptions | FromNewFiles;
}

/**
 * A step that reads a source and produces its rows as a dataset.
 *
 * ```ts
 * const lines = step("lines", extract(csv(`data/${partition.key}.csv.gz`)));
 * const orders = step("orders", extract(shop.read("orders"), {
 *   incremental: { cursor: "updated_at", lag: "10m", into: warehouse.table("orders") },
 * }));
 * step("loaded", load(orders, warehouse.table("orders"), { write: merge("order_id") }));
 * ```
 */
export function extract(source: Source, options: ExtractOptions = {}): StepSpec<Dataset, ConnectNeeds> {
  const { incremental } = options;
  const plan =
    incremental === undefined ? null : "by" in incremental ? planNewFiles(incremental) : planIncrement(incremental);
  const into = incremental !== undefined && "into" in incremental ? incremental.into : null;
  return {
    kind: "extract",
    inputs: {},
    config: {
      vendor: source.vendor,
      // The name only: settings can hold what must not be written into a plan.
      connection: source.connection?.name ?? null,
      request: source.request,
      // Absent rather than null: pipelines without it keep their version.
      ...(plan === null ? {} : { incremental: plan as unknown as Json }),
    },
    execute: async (context, needs) => {
      const dataset = await (plan === null
        ? adapterOf(needs.sources, source, context)(source, sourceContext(context, needs))
        : readIncrement(source, plan, into, context, needs));
      const quarantined = dataset.quarantined ?? 0;
      const rows = { in: dataset.rows + quarantined, out: dataset.rows, duplicate: 0, quarantined };
      return { output: dataset, rows };
    },
  };
}

function readIncrement(
  source: Source,
  plan: PositionPlan | WindowPlan | NewFilesPlan,
  into: Table | null,
  context: StepContext,
  needs: ConnectNeeds,
): Promise<Dataset> {
  const surroundings = {
    source,
    sourceContext: sourceContext(context, needs),
    sinkContext: { ...needs, folder: context.folder, signal: context.signal, log: context.log },
    step: context,
  };
  if (plan.by === "file") {
    const fileSet = adapterOf(needs.files ?? {}, source, context, " file by file");
    return readNewFiles(plan, into!, needs, surroundings, fileSet);
  }
  const increment = { ...surroundings, read: adapterOf(needs.ranges, source, context, " only in part") };
  return plan.by === "window" ? readWindow(plan, increment) : readOnward(plan, into!, needs, increment);
}

function sourceContext(context: StepContext, needs: ConnectNeeds): SourceContext {
  return {
    folder: context.folder,
    home: needs.home,
    signal: context.signal,
    log: context.log,
    clock: context.clock,
    artifacts: needs.artifacts,
    session: needs.session,
    reject: rejectInto(needs.quarantine, context, []),
    resolve: needs.resolve,
  };
}

function adapterOf<A>(
  adapters: Readonly<Record<string, A>>,
  source: Source,
  { step }: StepContext,
  how: "" | " only in part" | " file by file" = "",
): A {
  const found = adapters[source.vendor];
  if (found !== undefined) return found;
  throw new SluiceError("DEFINITION_INVALID", `Nothing here can read from "${source.vendor}"${how} (step "${step}")`, {
    hint: `Sources that can be read${how}: ${Object.keys(adapters).join(", ")}.`,
  });
}
