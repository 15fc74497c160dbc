// The step that takes rows out. It hands a dataset to the sink of the table's connection, with the key under which the
// load happens once and the fence that stops whoever was overtaken; the sink does the rest in one transaction.
import { SluiceError } from "../errors.ts";
import type { Dataset } from "../dataset/dataset.ts";
import type { LoadResult } from "../dataset/load-result.ts";
import type { Json } from "../json.ts";
import type { StepHandle, StepSpec } from "../pipeline/step.ts";
import type { ConnectNeeds } from "./needs.ts";
import type { Table } from "./sink.ts";
import { writeName, type WriteDisposition } from "./write-disposition.ts";

/** How a load treats what the table holds. */
export interface LoadOptions {
  /** What happens to the rows that are there. @default "append" */
  readonly write?: WriteDisposition;
}

/**
 * A step that loads the rows of another into a table.
 *
 * ```ts
 * const loaded = step("sales", load(clean, warehouse.table("sales"), { write: "replace-partition" }));
 * ```
 */
export function load(
  from: StepHandle<Dataset>,
  table: Table,
  options: LoadOptions = {},
): StepSpec<LoadResult, ConnectNeeds> {
  const write = options.write ?? "append";
  const asset = `${table.connection.name}.${table.name}`;
  return {
    kind: "load",
    inputs: { from },
    config: {
      vendor: table.connection.vendor,
      connection: table.connection.name,
      table: table.name,
      write: write as unknown as Json,
    },
    execute: async (context, needs) => {
      if (write === "replace-partition" && context.partition === null) {
        throw new SluiceError(
          "DEFINITION_INVALID",
          `Step "${context.step}" loads with replace-partition, but pipeline "${context.pipeline}" has no partitions`,
          {
            hint: 'Give the pipeline `partitions`, or load with { write: "replace" }.',
          },
        );
      }
      const open = needs.sinks[table.connection.vendor];
      if (open === undefined) {
        throw new SluiceError(
          "DEFINITION_INVALID",
          `Nothing here can load into "${table.connection.vendor}" (step "${context.step}", ${asset})`,
          {
            hint: `Connections that can be loaded into: ${Object.keys(needs.sinks).join(", ")}.`,
          },
        );
      }
      const dataset = context.inputs["from"] as Dataset;
      const sink = await open();
      const name = writeName(write);
      if (!sink.capabilities.writes.includes(name)) {
        throw new SluiceError(
          "DEFINITION_INVALID",
          `${asset} can't be loaded with "${name}" (step "${context.step}")`,
          {
            hint: `A connection of "${table.connection.vendor}" can ${sink.capabilities.writes.join(", ")}.`,
          },
        );
      }
      const positions = (dataset.positions ?? []).filter((position) => position.table === asset);
      if (write === "append" && positions.some((position) => position.repeats)) throw repeating(context.step, asset);
      const { loaded } = await sink.load(
        {
          table,
          dataset,
          write,
          partition: context.partition?.key ?? null,
          loadKey: context.idempotencyKey,
          fence: context.fence,
          positions,
          at: context.clock.now(),
        },
        {
          folder: context.folder,
          home: needs.home,
          signal: context.signal,
          log: context.log,
          session: needs.session,
          resolve: needs.resolve,
        },
      );
      return {
        output: { kind: "load-result", asset, offered: dataset.rows, loaded, quarantined: dataset.quarantined ?? 0 },
        rows: { in: dataset.rows, out: loaded, duplicate: 0, quarantined: 0 },
        assets: [asset],
      };
    },
  };
}

function repeating(step: string, asset: string): SluiceError {
  return new SluiceError(
    "DEFINITION_INVALID",
    `Step "${step}" appends to ${asset} what may be there: too many rows share the value that the last reading ended with`,
    { hint: 'Load with merge(key, { strategy: "insert-only" }), or read by a finer cursor.' },
  );
}
