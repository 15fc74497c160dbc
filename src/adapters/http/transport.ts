// One request on the wire, by Node's own client: to the addresses that the guard admits, unpacking what is compressed. It
// follows no redirect, tries nothing again, and judges no status.
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import type { AddressGuard } from "./addresses.ts";

export interface WireRequest {
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly signal: AbortSignal;
}

export interface WireAnswer {
  readonly status: number;
  /** "404 Not Found" */
  readonly statusLine: string;
  readonly headers: Headers;
  /** Unpacked. Leaving its loop ends the answer. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Ends an answer that nobody reads. */
  discard(): void;
}

export interface Transport {
  send(url: URL, request: WireRequest): Promise<WireAnswer>;
  close(): void;
}

export function openTransport(guard: AddressGuard): Transport {
  const options = { keepAlive: true, maxFreeSockets: 2 };
  const agents = { http: new HttpAgent(options), https: new HttpsAgent(options) };
  return {
    send: (url, { method, headers, body, signal }) =>
      new Promise((resolve, reject) => {
        guard.admit(url);
        const secure = url.protocol === "https:";
        const sent = (secure ? httpsRequest : httpRequest)(url, {
          method,
          agent: secure ? agents.https : agents.http,
          lookup: guard.lookup,
          signal,
          headers: {
            "accept-encoding": "gzip, deflate, br",
            ...headers,
            ...(body === null ? {} : { "content-length": String(Buffer.byteLength(body)) }),
          },
        });
        sent.on("response", (response) => resolve(answerOf(response)));
        sent.on("error", reject);
        sent.end(body ?? undefined);
      }),
    close: () => {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

function answerOf(response: IncomingMessage): WireAnswer {
  const headers = new Headers();
  for (let at = 0; at < response.rawHeaders.length; at += 2) {
    headers.append(response.rawHeaders[at]!, response.rawHeaders[at + 1]!);
  }
  // What breaks off while nobody reads is found by whoever reads on.
  response.on("error", () => {});
  const status = response.statusCode ?? 0;
  const text = response.statusMessage ?? "";
  return {
    status,
    statusLine: text === "" ? String(status) : `${status} ${text}`,
    headers,
    body: unpacked(response, headers.get("content-encoding")),
    discard: () => void response.destroy(),
  };
}

function unpacked(response: IncomingMessage, encoding: string | null): Readable {
  const decoder = decoderOf(encoding?.trim().toLowerCase() ?? "");
  // An answer that breaks off breaks the unpacking, too: half a page is none.
  return decoder === null ? response : pipeline(response, decoder, () => {});
}

function decoderOf(encoding: string): ReturnType<typeof createGunzip> | null {
  if (encoding === "gzip" || encoding === "x-gzip") return createGunzip();
  if (encoding === "deflate") return createInflate();
  if (encoding === "br") return createBrotliDecompress();
  return null;
}
