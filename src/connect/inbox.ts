// inbox(…): a place that webhooks are sent to. What is delivered is on disk before it is answered, once per delivery, and
// pipelines extract it when they run. Plain data; the service takes deliveries (embedded/inbox-receiver.ts), and
// adapters/inbox reads them.
import type { Connection, ConnectionFactory } from "../config.ts";
import { SluiceError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import type { JsonColumn, StaticAuth } from "./http.ts";
import type { JsonPath } from "./http-pages.ts";
import type { Signature } from "./inbox-signature.ts";
import type { Source } from "./source.ts";

/** Where the id of a delivery is: in a header, or in the body. */
export type DeliveryId = { readonly header: string } | { readonly body: JsonPath };

/** Who may deliver, and how one delivery is told from another. */
export interface InboxOptions {
  /**
   * What a delivery must bring: credentials (`bearer(…)`, `basic(…)`, `apiKey(…)`), or a signature that the sender makes
   * with a secret (`signature(…)`, `standardWebhooks(…)`, `stripeSignature(…)`). Any other is answered 401 and not kept.
   */
  readonly verify: StaticAuth | Signature;
  /**
   * What tells deliveries apart: one whose id is there already is answered as if it were kept, and is not kept again.
   * @default the sender's id with `standardWebhooks`, else the SHA-256 of the body: equal bodies are then one delivery
   */
  readonly id?: DeliveryId;
  /** A larger delivery is answered 413. In bytes. @default 1048576 (1 MiB) */
  readonly maxBytes?: number;
}

export interface InboxSettings {
  readonly verify: InboxOptions["verify"];
  /** Null: as the sender's scheme says, else the hash of the body. */
  readonly id: DeliveryId | null;
  readonly maxBytes: number;
}

/** Which deliveries are read, and what becomes a column. */
export interface ReceivedOptions {
  /**
   * Columns by name, each a path into `{ position, delivery, received_at, body }`: "body.data.id". Leave them text and let a
   * contract judge them: one delivery with a value that doesn't fit its type would stop every one after it.
   * @default the four, with the body as JSON text
   */
  readonly columns?: Readonly<Record<string, JsonPath | JsonColumn>>;
  /** Only what was received at this instant (ISO 8601) or later. */
  readonly from?: string;
  /** Only what was received before this instant. */
  readonly to?: string;
}

/** What the adapter is asked to read. */
export interface InboxRequest {
  readonly columns: readonly {
    readonly name: string;
    readonly from: JsonPath;
    readonly type: string;
    readonly optional: boolean;
  }[];
  readonly from: string | null;
  readonly to: string | null;
}

/** A place that webhooks are sent to: `POST /hooks/NAME` of `sluice serve`, under the connection's name. */
export interface InboxConnection extends Connection {
  /**
   * What has been delivered, in the order in which it was kept.
   *
   * ```ts
   * extract(payments.received({ columns: { position: { from: "position", type: "BIGINT" }, order_id: "body.data.id" } }), {
   *   incremental: { cursor: "position", into: warehouse.table("payments") },
   * });
   * ```
   */
  received(options?: ReceivedOptions): Source;
}

/**
 * A place that webhooks are sent to. `sluice serve` takes them at `POST /hooks/NAME`, where NAME is the connection's, and
 * answers 2xx once the delivery is on disk.
 *
 * ```ts
 * defineConfig({ connections: {
 *   payments: inbox({ verify: stripeSignature(env("STRIPE_SECRET")), id: { body: "id" } }),
 * } });
 * ```
 */
export function inbox(options: InboxOptions): ConnectionFactory<InboxConnection> {
  const { verify, id = null, maxBytes = 1_048_576 } = options;
  if (typeof verify !== "object" || verify === null || (verify.by as string) === "oauth2") {
    throw new SluiceError("DEFINITION_INVALID", "inbox(…) does not say what a delivery must bring", {
      hint: 'Give it `verify`, such as bearer(env("HOOK_TOKEN")) or signature({ header, secret }).',
    });
  }
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) {
    throw new SluiceError("DEFINITION_INVALID", `inbox(…) has maxBytes: ${String(maxBytes)}`, {
      hint: "Write a whole number of bytes from 1.",
    });
  }
  const settings = { verify, id, maxBytes } satisfies InboxSettings as unknown as JsonObject;
  return (name) => {
    const connection: Connection = Object.freeze({ name, vendor: "inbox", settings });
    return Object.freeze({
      ...connection,
      received: (request: ReceivedOptions = {}): Source =>
        Object.freeze({
          kind: "sluice.source",
          vendor: "inbox",
          connection,
          request: completed(request) satisfies InboxRequest as unknown as JsonObject,
        }),
    });
  };
}

const envelope: ReceivedOptions["columns"] = {
  position: { from: "position", type: "BIGINT" },
  delivery: "delivery",
  received_at: { from: "received_at", type: "TIMESTAMP WITH TIME ZONE" },
  body: "body",
};

function completed({ columns = envelope, from, to }: ReceivedOptions): InboxRequest {
  const listed = Object.entries(columns!).map(([name, column]) => {
    const given: JsonColumn = typeof column === "object" && "from" in column ? column : { from: column };
    // Senders leave out what they have nothing to say about.
    return { name, from: given.from, type: given.type ?? "VARCHAR", optional: given.optional ?? true };
  });
  if (listed.length === 0) {
    throw new SluiceError("DEFINITION_INVALID", "received(…) has an empty list of columns", {
      hint: "Name one, or leave `columns` out.",
    });
  }
  return { columns: listed, from: instant(from), to: instant(to) };
}

function instant(text: string | undefined): string | null {
  if (text === undefined) return null;
  const time = Date.parse(text);
  if (!Number.isNaN(time)) return new Date(time).toISOString();
  throw new SluiceError("DEFINITION_INVALID", `received(…) is given "${text}", which is no instant`, {
    hint: 'Write ISO 8601, such as "2026-01-31T00:00:00Z", or partition.start.',
  });
}
