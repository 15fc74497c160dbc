// POST /hooks/:name: a webhook is delivered. Who sends it shows so by the credentials or the signature that the inbox asks
// for, not by the service's token; it is answered 2xx once it is on disk, and the sender sends it again otherwise.
import { Hono, type Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { ErrorCode } from "../../errors.ts";
import type { InboxReceiver } from "../../embedded/inbox-receiver.ts";
import type { DeliveryResponse, ErrorResponse } from "../responses.ts";

/** @param receiver Null where the service is for reading only. */
export function hookRoutes(receiver: InboxReceiver | null): Hono {
  return new Hono().post("/:name", async (context) => {
    if (receiver === null)
      return refusal(
        context,
        403,
        "USAGE",
        "This service is for reading only",
        "Send it to the one that runs the project.",
      );
    const name = context.req.param("name");
    const limit = receiver.limitOf(name);
    if (limit === null)
      return refusal(
        context,
        404,
        "NOT_FOUND",
        `There is no inbox "${name}"`,
        "It is defined in sluice.config.ts: inbox({ … }).",
      );
    const body = await bytesOf(context, limit);
    if (body === null)
      return refusal(
        context,
        413,
        "USAGE",
        `The body is larger than ${limit} bytes`,
        "Raise maxBytes of the inbox if that is right.",
      );
    const receipt = await receiver.receive(name, context.req.raw.headers, body);
    if (receipt.outcome === "unproven")
      return refusal(
        context,
        401,
        "USAGE",
        "The credentials or the signature are missing or wrong",
        "Check the secret on both sides.",
      );
    if (receipt.outcome === "malformed") return refusal(context, 400, "USAGE", receipt.what, receipt.hint);
    return context.json({
      delivery: receipt.id,
      duplicate: receipt.outcome === "duplicate",
    } satisfies DeliveryResponse);
  });
}

/** The body, as long as it may be; null for a longer one, of which no more is read. */
async function bytesOf(context: Context, limit: number): Promise<Uint8Array | null> {
  if (Number(context.req.header("content-length") ?? 0) > limit) return null;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of context.req.raw.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > limit) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function refusal(
  context: Context,
  status: ContentfulStatusCode,
  code: ErrorCode,
  message: string,
  hint: string,
): Response {
  return context.json({ error: { code, message, hint } } satisfies ErrorResponse, status);
}
