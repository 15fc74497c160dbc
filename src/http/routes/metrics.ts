// GET /metrics: Prometheus text, or OpenMetrics for those who ask for it.
import { Hono } from "hono";
import { exposeMetrics } from "../../monitor/metrics.ts";
import { readMonitoredState } from "../../embedded/monitored-state.ts";
import type { AppOptions } from "../app-options.ts";

export function metricRoutes({ reader, version }: AppOptions): Hono {
  return new Hono().get("/", async (context) => {
    const openMetrics = (context.req.header("accept") ?? "").includes("application/openmetrics-text");
    const { text, contentType } = await exposeMetrics({ version, ...(await readMonitoredState(reader)) }, openMetrics);
    return context.body(text, 200, { "content-type": contentType });
  });
}
