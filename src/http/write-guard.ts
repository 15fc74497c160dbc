// What a request that changes something must bring: a JSON body, an origin of our own when a browser sends it, and the
// token where one is set. A page of another site can make a browser send requests here; without these it could start runs.
import type { Context, MiddlewareHandler } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Writing } from "./app-options.ts";
import type { ErrorResponse } from "./responses.ts";
import { isToken } from "./token.ts";

/** Bytes of a body at most. */
export const bodyLimitBytes = 1_048_576;

export function writeGuard(writing: Writing): MiddlewareHandler {
  return async (context, next) => {
    const { method } = context.req;
    if (method === "GET" || method === "HEAD") return next();
    const refusal = refusalOf(context, writing);
    if (refusal === null) return next();
    const { status, message, hint } = refusal;
    if (status === 401) context.header("WWW-Authenticate", "Bearer");
    return context.json({ error: { code: "USAGE", message, hint } } satisfies ErrorResponse, status);
  };
}

interface Refusal {
  readonly status: ContentfulStatusCode;
  readonly message: string;
  readonly hint: string;
}

function refusalOf(context: Context, writing: Writing): Refusal | null {
  if (!writing.allowed) return { status: 403, message: writing.reason, hint: writing.hint };
  if (isOfAnotherSite(context)) {
    return {
      status: 403,
      message: "A page of another site may not change anything here",
      hint: "Send the request from a program, or from a page of this service.",
    };
  }
  // A form of another site can send only text and forms; anything else a browser asks about first, and hears no.
  const type = context.req.header("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (type !== "application/json") {
    return {
      status: 415,
      message: "The body must be JSON",
      hint: "Send it with Content-Type: application/json; {} where there is nothing to say.",
    };
  }
  if (writing.token !== null && !isToken(context.req.header("authorization"), writing.token)) {
    return {
      status: 401,
      message: "The token is missing or wrong",
      hint: "Send Authorization: Bearer TOKEN, with the token that the service was started with.",
    };
  }
  return null;
}

function isOfAnotherSite(context: Context): boolean {
  const site = context.req.header("sec-fetch-site");
  if (site !== undefined && site !== "same-origin" && site !== "none") return true;
  const origin = context.req.header("origin");
  if (origin === undefined) return false;
  try {
    return new URL(origin).host !== new URL(context.req.url).host;
  } catch {
    // "null", as a page without an origin sends.
    return true;
  }
}
