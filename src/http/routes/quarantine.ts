// GET /api/quarantine, /api/quarantine/:pipeline
import { Hono } from "hono";
import type { AppOptions } from "../app-options.ts";
import { limitParameter, textParameters } from "../parameters.ts";
import type { QuarantineResponse, QuarantineRowsResponse } from "../responses.ts";

export function quarantineRoutes({ reader }: AppOptions): Hono {
  return new Hono()
    .get("/", async (context) => {
      const groups = await reader.quarantine({
        ...textParameters(context, ["pipeline", "partition", "step", "run"]),
        limit: limitParameter(context, 100, 10_000),
      });
      return context.json({
        quarantine: groups.map(({ at, delivery: _delivery, ...group }) => ({
          ...group,
          at: new Date(at).toISOString(),
        })),
      } satisfies QuarantineResponse);
    })
    .get("/:pipeline", async (context) => {
      const pipeline = context.req.param("pipeline");
      const rows = await reader.quarantinedRows(pipeline, {
        ...textParameters(context, ["partition", "step", "run"]),
        limit: limitParameter(context, 50, 1000),
      });
      return context.json({ pipeline, rows } satisfies QuarantineRowsResponse);
    });
}
