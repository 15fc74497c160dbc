// /api/requests: runs that are asked for and have not begun; /api/schedules: what starts pipelines by itself.
import { Hono } from "hono";
import { currentPlans, explainStoredRequest, pipelineSituation } from "../../embedded/explanations.ts";
import { SluiceError } from "../../errors.ts";
import { viewRequest } from "../../monitor/request-view.ts";
import { viewSchedule } from "../../monitor/schedule-view.ts";
import type { AppOptions } from "../app-options.ts";
import { limitParameter, textParameters } from "../parameters.ts";
import type { RequestsResponse, SchedulesResponse, WhyResponse } from "../responses.ts";

export function requestRoutes({ reader }: AppOptions): Hono {
  return new Hono()
    .get("/", async (context) => {
      const store = reader.store();
      const filter = textParameters(context, ["pipeline", "backfill"]);
      const requests = await store.requests({ ...filter, limit: limitParameter(context, 50, 1000) });
      const total = (await store.backlog()).requests.reduce((sum, { count }) => sum + count, 0);
      return context.json({ requests: requests.map(viewRequest), total } satisfies RequestsResponse);
    })
    .get("/:key/why", async (context) => {
      const key = context.req.param("key");
      const [request] = await reader.store().requests({ key });
      if (request === undefined) {
        const run = await reader.store().runByRequest(key);
        throw new SluiceError("NOT_FOUND", `No run waits under the key "${key}"`, {
          hint: run === null ? "See: /api/requests" : `It has begun: /api/runs/${run.id}`,
        });
      }
      const { summary, reasons, command } = await explainStoredRequest(reader, request);
      return context.json({ summary, reasons, command } satisfies WhyResponse);
    });
}

export function scheduleRoutes({ reader }: AppOptions): Hono {
  return new Hono().get("/", async (context) => {
    const now = Date.now();
    const schedules = [];
    for (const { pipeline, schedule } of await currentPlans(reader)) {
      if (schedule !== null) schedules.push(viewSchedule(await pipelineSituation(reader, pipeline), now));
    }
    return context.json({ schedules } satisfies SchedulesResponse);
  });
}
