// What a request must bring where even reading takes a token: that token, or the one that changes things. Health is for
// everyone, who must not be told more by it than that the service is there.
import type { MiddlewareHandler } from "hono";
import type { AppOptions } from "./app-options.ts";
import type { ErrorResponse } from "./responses.ts";
import { isToken } from "./token.ts";

export function readGuard({ readToken = null, writing }: AppOptions): MiddlewareHandler {
  const tokens = [readToken, writing.allowed ? writing.token : null].filter((token) => token !== null);
  return async (context, next) => {
    if (readToken === null || context.req.path === "/healthz") return next();
    const header = context.req.header("authorization");
    if (tokens.some((token) => isToken(header, token))) return next();
    // A browser asks its user, and sends the answer as a password.
    context.header("WWW-Authenticate", 'Basic realm="Sluice: the token is the password", charset="UTF-8"');
    const message = "This service tells nothing without its token";
    const hint =
      "Send Authorization: Bearer TOKEN, with SLUICE_READ_TOKEN of the service; in a browser it is the password.";
    return context.json({ error: { code: "USAGE", message, hint } } satisfies ErrorResponse, 401);
  };
}
