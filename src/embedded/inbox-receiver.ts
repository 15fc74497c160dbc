// Takes what webhooks deliver: checks where it comes from, and keeps it before it says so. It runs no code of the user's;
// what a delivery starts is the business of pipelines and their schedules.
import { createHash } from "node:crypto";
import { parseJson, segments, textOf, valueAt } from "../adapters/http/json.ts";
import { openDeliveryStore } from "../adapters/sqlite/delivery-store.ts";
import { resolveSetting } from "../config.ts";
import type { DeliveryStore } from "../connect/delivery-store.ts";
import type { InboxSettings } from "../connect/inbox.ts";
import { isProven } from "../connect/inbox-signature.ts";

/** What became of a delivery. `malformed` says in a sentence what is wrong with it. */
export type Receipt =
  | { readonly outcome: "kept" | "duplicate"; readonly id: string }
  | { readonly outcome: "unproven" }
  | { readonly outcome: "malformed"; readonly what: string; readonly hint: string };

export interface InboxReceiver {
  /** Bytes that a delivery to this inbox may have; null where there is no such inbox. */
  limitOf(name: string): number | null;
  /** Resolves once it is known what became of the delivery: "kept" means that it is on disk. */
  receive(name: string, headers: Headers, body: Uint8Array): Promise<Receipt>;
  close(): void;
}

export interface ReceiverOptions {
  /** The project's folder: relative file references start here. */
  readonly folder: string;
  /** Path of the store, which is made when the first delivery comes. */
  readonly deliveries: string;
  /** The inboxes that are defined now, by name. */
  readonly inboxes: () => Readonly<Record<string, InboxSettings>>;
  readonly now: () => number;
}

export function openInboxReceiver({ folder, deliveries, inboxes, now }: ReceiverOptions): InboxReceiver {
  let store: DeliveryStore | null = null;
  const inboxNamed = (name: string): InboxSettings | null => (Object.hasOwn(inboxes(), name) ? inboxes()[name]! : null);
  return {
    limitOf: (name) => inboxNamed(name)?.maxBytes ?? null,
    receive: async (name, headers, body) => {
      const inbox = inboxNamed(name)!;
      const receivedAt = now();
      if (!isProven(inbox.verify, { headers, body, now: receivedAt }, (setting) => resolveSetting(setting, folder)))
        return { outcome: "unproven" };
      const document = documentOf(headers, body);
      if (document === null) return notJson;
      const id = idOf(inbox, headers, body, document.value);
      if (id === null) return withoutId(inbox);
      store ??= openDeliveryStore(deliveries);
      const isNew = await store.keep({ inbox: name, id, body: document.text, receivedAt });
      return { outcome: isNew ? "kept" : "duplicate", id };
    },
    close: () => store?.close(),
  };
}

const notJson: Receipt = {
  outcome: "malformed",
  what: "The body is neither JSON nor a form",
  hint: "Send JSON in UTF-8, with Content-Type: application/json.",
};

interface Document {
  readonly value: unknown;
  readonly text: string;
}

/** The body as JSON: as it came, or the fields of a form. Null where it is neither: it could never be read. */
function documentOf(headers: Headers, body: Uint8Array): Document | null {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    return null;
  }
  const type = headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (type === "application/x-www-form-urlencoded") {
    const value = Object.fromEntries(new URLSearchParams(text));
    return { value, text: JSON.stringify(value) };
  }
  try {
    // With every digit: two ids must not become one.
    return { value: parseJson(text), text };
  } catch {
    return null;
  }
}

function idOf({ id, verify }: InboxSettings, headers: Headers, body: Uint8Array, document: unknown): string | null {
  if (id === null) {
    return verify.by === "standard-webhooks"
      ? headers.get("webhook-id")
      : createHash("sha256").update(body).digest("hex");
  }
  const text = "header" in id ? headers.get(id.header) : textOf(valueAt(document, segments(id.body)));
  return text !== null && text.trim() !== "" && text.length <= 1_000 ? text.trim() : null;
}

function withoutId({ id }: InboxSettings): Receipt {
  const where =
    id !== null && "body" in id ? `"${[id.body].flat().join(".")}" in the body` : `the header "${id?.header}"`;
  return {
    outcome: "malformed",
    what: `There is no id of the delivery: ${where} is missing or empty`,
    hint: "The receiver tells deliveries apart by it.",
  };
}
