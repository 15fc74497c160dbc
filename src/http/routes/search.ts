// GET /api/search/:index?q=
import { Hono } from "hono";
import { SluiceError } from "../../errors.ts";
import type { AppOptions } from "../app-options.ts";
import { limitParameter } from "../parameters.ts";
import type { SearchResponse } from "../responses.ts";

export function searchRoutes({ reader }: AppOptions): Hono {
  return new Hono().get("/:index", async (context) => {
    const index = context.req.param("index");
    const query = context.req.query("q");
    if (query === undefined)
      throw new SluiceError("USAGE", "A search needs a question", { hint: `Add it: /api/search/${index}?q=…` });
    const hits = await reader.search(index, query, {
      limit: limitParameter(context, 5, 100),
      signal: context.req.raw.signal,
    });
    return context.json({ index, query, hits } satisfies SearchResponse);
  });
}
