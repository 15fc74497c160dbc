// The step that brings rows in. It reads a source to its end through the adapter of the source's vendor and hands on a
// dataset; it neither checks nor changes the rows.
import { SluiceError } from "../errors.ts";
import type { Dataset } from "../dataset/dataset.ts";
import type { StepSpec } from "../pipeline/step.ts";
import type { ConnectNeeds } from "./needs.ts";
import type { Source } from "./source.ts";

/**
 * A step that reads a source and produces its rows as a dataset.
 *
 * ```ts
 * const lines = step("lines", extract(csv(`data/${partition.key}.csv.gz`)));
 * const customers = step("customers", extract(shop.query(sql`select * from customers`)));
 * ```
 */
export function extract(source: Source): StepSpec<Dataset, ConnectNeeds> {
  return {
    kind: "extract",
    inputs: {},
    config: {
      vendor: source.vendor,
      // The name only: settings can hold what must not be written into a plan.
      connection: source.connection?.name ?? null,
      request: source.request,
    },
    execute: async (context, needs) => {
      const read = needs.sources[source.vendor];
      if (read === undefined) {
        throw new SluiceError(
          "DEFINITION_INVALID",
          `Nothing here can read from "${source.vendor}" (step "${context.step}")`,
          {
            hint: `Sources that can be read: ${Object.keys(needs.sources).join(", ")}.`,
          },
        );
      }
      const dataset = await read(source, {
        folder: context.folder,
        home: needs.home,
        signal: context.signal,
        log: context.log,
        clock: context.clock,
        artifacts: needs.artifacts,
        session: needs.session,
        resolve: needs.resolve,
      });
      return { output: dataset, rows: { in: dataset.rows, out: dataset.rows, duplicate: 0, quarantined: 0 } };
    },
  };
}
