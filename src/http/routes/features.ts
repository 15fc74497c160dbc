// GET /api/features/:view/:key?as_of=
import { Hono } from "hono";
import type { AppOptions } from "../app-options.ts";
import type { FeaturesResponse } from "../responses.ts";

export function featureRoutes({ reader }: AppOptions): Hono {
  return new Hono().get("/:view/:key", async (context) => {
    const { view, key } = context.req.param();
    const found: FeaturesResponse = await reader.features(view, key, context.req.query("as_of"));
    return context.json(found);
  });
}
