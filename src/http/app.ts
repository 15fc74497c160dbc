// The HTTP service: read-only addresses over what is stored. It runs no code of the user's, changes nothing and keeps
// nothing: every answer is read from the stores when it is asked for.
import { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import { isSluiceError, SluiceError, toFailure } from "../errors.ts";
import type { AppOptions } from "./app-options.ts";
import type { ErrorResponse } from "./responses.ts";
import { featureRoutes } from "./routes/features.ts";
import { healthRoutes } from "./routes/health.ts";
import { metricRoutes } from "./routes/metrics.ts";
import { pageRoutes } from "./routes/page.ts";
import { quarantineRoutes } from "./routes/quarantine.ts";
import { runRoutes } from "./routes/runs.ts";
import { searchRoutes } from "./routes/search.ts";
import { statusOf } from "./statuses.ts";

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
  app.route("/", pageRoutes(options));
  app.route("/healthz", healthRoutes(options));
  app.route("/metrics", metricRoutes(options));
  app.route("/api/runs", runRoutes(options));
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
