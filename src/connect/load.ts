// The step that takes rows out. It hands a dataset to the sink of the table's connection, with the key under which the
// load happens once and the fence that stops whoever was overtaken; the sink does the rest in one transaction.
import { SluiceError } from "../errors.ts";
import type { Dataset } from "../dataset/dataset.ts";
import type { LoadResult } from "../dataset/load-result.ts";
import type { Json } from "../json.ts";
import type { StepHandle, StepSpec } from "../pipeline/step.ts";
import type { ConnectNeeds } from "./needs.ts";
import { fitRows } from "./fit-rows.ts";
import { rejectInto } from "./rejected-rows.ts";
import { schemaRules, type SchemaContract } from "./schema-contract.ts";
import type { SinkContext, Table } from "./sink.ts";
import { writeName, type WriteDisposition } from "./write-disposition.ts";

/** How a load treats what the table holds. */
export interface LoadOptions {
  /** What happens to the rows that are there. @default "append" */
  readonly write?: WriteDisposition;
  /** What the load may do to the table's schema, and what becomes of rows that don't fit it. */
  readonly schema?: SchemaContract;
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
  const rules = schemaRules(options.schema);
  const asset = `${table.connection.name}.${table.name}`;
  return {
    kind: "load",
    inputs: { from },
    config: {
      vendor: table.connection.vendor,
      connection: table.connection.name,
      table: table.name,
      write: write as unknown as Json,
      ...(table.request === undefined ? {} : { request: table.request }),
      // Absent rather than the defaults: loads without it keep their version.
      ...(options.schema === undefined ? {} : { schema: rules as unknown as Json }),
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
      const reject = rejectInto(needs.quarantine, context, dataset.positions ?? []);
      const sinkContext: SinkContext = {
        folder: context.folder,
        home: needs.home,
        signal: context.signal,
        log: context.log,
        session: needs.session,
        resolve: needs.resolve,
      };
      // Keys that are to be retained are no rows of the table.
      const retains = name === "retain";
      const fitted = retains
        ? { dataset, widen: [], rejected: 0 }
        : await fitRows({
            sink,
            table,
            asset,
            dataset,
            rules,
            control: typeof write === "object" && write.by === "merge" && write.deleted !== null ? [write.deleted] : [],
            context: sinkContext,
            artifacts: needs.artifacts,
            reject,
            keepsMissing: name === "upsert",
          });
      const { loaded, refused } = await sink.load(
        {
          table,
          dataset: fitted.dataset,
          write,
          partition: context.partition?.key ?? null,
          loadKey: context.idempotencyKey,
          fence: context.fence,
          positions,
          widen: fitted.widen,
          at: context.clock.now(),
        },
        sinkContext,
      );
      // A destination that refuses rows by itself tells no columns, so that none has been set aside before.
      const setAside = refused === undefined ? fitted.rejected : await reject(refused.by, [refused.rows]);
      const quarantined = (dataset.quarantined ?? 0) + setAside;
      return {
        output: {
          kind: "load-result",
          asset,
          offered: dataset.rows,
          loaded,
          quarantined,
          ...(dataset.before === undefined ? {} : { before: dataset.before }),
        },
        rows: { in: dataset.rows, out: loaded, duplicate: 0, quarantined: setAside },
        assets: [asset],
      };
    },
  };
}

function repeating(step: string, asset: string): SluiceError {
  return new SluiceError(
    "DEFINITION_INVALID",
    `Step "${step}" appends to ${asset} what may be there: rows are read again that share the value that the last reading ended with`,
    { hint: 'Load with merge(key), or with merge(key, { strategy: "insert-only" }), or read by a finer cursor.' },
  );
}
