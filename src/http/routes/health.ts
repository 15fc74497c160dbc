// GET /healthz: 200 as long as what is stored can be read.
import { Hono } from "hono";
import type { AppOptions } from "../app-options.ts";
import type { HealthResponse } from "../responses.ts";

export function healthRoutes({ reader, version }: AppOptions): Hono {
  return new Hono().get("/", async (context) => {
    await reader.store().runs({ limit: 1 });
    return context.json({ status: "ok", version } satisfies HealthResponse);
  });
}
