// /api/partition-sets/:set: the keys of a dynamic set of partitions; adding and removing some.
import { Hono } from "hono";
import type { AppOptions } from "../app-options.ts";
import { bodies, bodyOf } from "../bodies.ts";
import { instruct } from "../instruct.ts";
import { limitParameter, textParameters } from "../parameters.ts";
import type { PartitionKeysResponse } from "../responses.ts";

export function partitionSetRoutes(options: AppOptions): Hono {
  const { reader } = options;
  return new Hono()
    .get("/:set", async (context) => {
      const set = context.req.param("set");
      const limit = limitParameter(context, 1000, 10_000);
      const keys = await reader.store().partitionKeys(set, { ...textParameters(context, ["after"]), limit });
      const next = keys.length < limit ? null : keys.at(-1)!;
      return context.json({ set, keys, next } satisfies PartitionKeysResponse);
    })
    .post("/:set/add", async (context) => {
      const { keys } = await bodyOf(context, bodies.partitionKeys);
      return instruct(context, options, { type: "add-partitions", set: context.req.param("set"), keys });
    })
    .post("/:set/remove", async (context) => {
      const { keys } = await bodyOf(context, bodies.partitionKeys);
      return instruct(context, options, { type: "remove-partitions", set: context.req.param("set"), keys });
    });
}
