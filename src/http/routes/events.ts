// POST /api/events/:name: something has happened outside, and starts the pipelines that wait for events of that name.
import { randomUUID } from "node:crypto";
import { Hono } from "hono";
import type { AppOptions } from "../app-options.ts";
import { bodies, bodyOf } from "../bodies.ts";
import { idempotencyKey, instruct } from "../instruct.ts";

export function eventRoutes(options: AppOptions): Hono {
  return new Hono().post("/:name", async (context) => {
    const { key, partition, params } = await bodyOf(context, bodies.event);
    const name = context.req.param("name");
    const told = key ?? idempotencyKey(context) ?? randomUUID();
    return instruct(context, options, { type: "event", name, key: told, partition, params }, 202);
  });
}
