// The HTTP service: addresses over what is stored, and those by which a scheduler is told what to do. It runs no code of
// the user's and keeps nothing: every answer is read from the stores when it is asked for, and whatever is to change is
// handed to the scheduler as an instruction.
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { secureHeaders } from "hono/secure-headers";
import { isSluiceError, SluiceError, toFailure } from "../errors.ts";
import type { AppOptions } from "./app-options.ts";
import type { ErrorResponse } from "./responses.ts";
import { backfillRoutes } from "./routes/backfills.ts";
import { eventRoutes } from "./routes/events.ts";
import { featureRoutes } from "./routes/features.ts";
import { hookRoutes } from "./routes/hooks.ts";
import { healthRoutes } from "./routes/health.ts";
import { metricRoutes } from "./routes/metrics.ts";
import { pageRoutes } from "./routes/page.ts";
import { partitionSetRoutes } from "./routes/partition-sets.ts";
import { pipelineRoutes } from "./routes/pipelines.ts";
import { quarantineRoutes } from "./routes/quarantine.ts";
import { requestRoutes, scheduleRoutes } from "./routes/requests.ts";
import { runRoutes } from "./routes/runs.ts";
import { searchRoutes } from "./routes/search.ts";
import { statusOf } from "./statuses.ts";
import { readGuard } from "./read-guard.ts";
import { bodyLimitBytes, writeGuard } from "./write-guard.ts";

export function createApp(options: AppOptions): Hono {
  const app = new Hono();
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        styleSrc: ["'unsafe-inline'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
      },
    }),
  );
  // Before the checks for people and their browsers: a sender proves itself, from wherever and under whatever name it calls.
  app.route("/hooks", hookRoutes(options.inboxes));
  app.use(async (context, next) => {
    // A page of another site can make a browser call a loopback address under that site's name; it must learn nothing.
    const host = new URL(context.req.url).hostname;
    if (options.hosts !== null && !options.hosts.includes(host)) {
      throw new SluiceError("USAGE", `This service does not answer to the name "${host}"`, {
        hint: `Call it as ${options.hosts[0]}, or start it with --host.`,
      });
    }
    await next();
  });
  app.use(readGuard(options));
  app.use(writeGuard(options.writing));
  app.use(
    bodyLimit({
      maxSize: bodyLimitBytes,
      onError: () => {
        throw new SluiceError("USAGE", `The body is larger than ${bodyLimitBytes} bytes`, {
          hint: "Send less at a time; large data belongs in a source.",
        });
      },
    }),
  );
  app.route("/", pageRoutes(options));
  app.route("/healthz", healthRoutes(options));
  app.route("/metrics", metricRoutes(options));
  app.route("/api/runs", runRoutes(options));
  app.route("/api/pipelines", pipelineRoutes(options));
  app.route("/api/backfills", backfillRoutes(options));
  app.route("/api/requests", requestRoutes(options));
  app.route("/api/schedules", scheduleRoutes(options));
  app.route("/api/events", eventRoutes(options));
  app.route("/api/partition-sets", partitionSetRoutes(options));
  app.route("/api/quarantine", quarantineRoutes(options));
  app.route("/api/features", featureRoutes(options));
  app.route("/api/search", searchRoutes(options));
  app.notFound((context) => {
    const error = {
      code: "NOT_FOUND",
      message: `There is nothing at ${context.req.path}`,
      hint: "See / for what there is.",
    } as const;
    return context.json({ error } satisfies ErrorResponse, 404);
  });
  app.onError((cause, context) => {
    const failure = toFailure(cause);
    const code = isSluiceError(cause) || failure.code !== "TASK_FAILED" ? failure.code : "INTERNAL";
    return context.json(
      { error: { code, message: failure.message, hint: failure.hint ?? null } } satisfies ErrorResponse,
      statusOf(code),
    );
  });
  return app;
}
