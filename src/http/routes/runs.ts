// GET /api/runs, /api/runs/:id
import { Hono } from "hono";
import type { RunFilter } from "../../engine/run-store.ts";
import { SluiceError } from "../../errors.ts";
import { explainRun } from "../../monitor/explain.ts";
import { viewAttempt, viewDocument, viewRun } from "../../monitor/run-view.ts";
import type { AppOptions } from "../app-options.ts";
import { limitParameter, textParameters } from "../parameters.ts";
import type { RunResponse, RunsResponse } from "../responses.ts";

const statuses: ReadonlySet<string | undefined> = new Set([undefined, "running", "succeeded", "failed", "cancelled"]);

export function runRoutes({ reader }: AppOptions): Hono {
  return new Hono()
    .get("/", async (context) => {
      const filter = textParameters(context, ["pipeline", "partition", "status", "backfill"]);
      if (!statuses.has(filter.status)) {
        throw new SluiceError("USAGE", `"${filter.status}" is not a status`, {
          hint: "Use running, succeeded, failed or cancelled.",
        });
      }
      const runs = await reader.runs().runs({ ...(filter as RunFilter), limit: limitParameter(context, 50, 1000) });
      return context.json({ runs: runs.map(viewRun) } satisfies RunsResponse);
    })
    .get("/:id", async (context) => {
      const { record } = await reader.findRun(context.req.param("id"));
      const store = reader.runs();
      const [steps, attempts, plan] = await Promise.all([
        store.steps(record.id),
        store.attempts(record.id),
        store.plan(record.version),
      ]);
      const explanation = explainRun({ record, steps, plan, holder: reader.holder(), now: Date.now() });
      return context.json({
        ...viewDocument(record, steps),
        attempts: attempts.map(viewAttempt),
        explanation,
      } satisfies RunResponse);
    });
}
