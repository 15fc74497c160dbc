// How a delivery proves where it comes from: the schemes as plain data, and the check. Pure but for the hashing; it takes
// the same time whatever was sent, and says nothing of what would have been right.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Setting } from "../config.ts";
import type { StaticAuth } from "./http.ts";

/** How the sender signs; made by `signature(…)`, `standardWebhooks(…)` or `stripeSignature(…)`. */
export type Signature =
  | {
      readonly by: "signature";
      readonly header: string;
      readonly secret: Setting;
      readonly algorithm: "sha1" | "sha256" | "sha512";
      readonly encoding: "hex" | "base64";
      readonly prefix: string;
    }
  | { readonly by: "standard-webhooks"; readonly secret: Setting; readonly toleranceMs: number }
  | { readonly by: "stripe"; readonly secret: Setting; readonly toleranceMs: number };

/** Where the signature is and how it is made: an HMAC of the body's bytes. */
export interface SignatureOptions {
  /** Such as "x-hub-signature-256". */
  readonly header: string;
  readonly secret: Setting;
  /** @default "sha256" */
  readonly algorithm?: "sha1" | "sha256" | "sha512";
  /** @default "hex" */
  readonly encoding?: "hex" | "base64";
  /** What stands before it in the header, such as "sha256=". @default nothing */
  readonly prefix?: string;
}

/** An HMAC of the body in a header, as GitHub, Shopify, Linear and many more send it. */
export function signature(options: SignatureOptions): Signature {
  const { header, secret, algorithm = "sha256", encoding = "hex", prefix = "" } = options;
  return Object.freeze({ by: "signature", header: header.toLowerCase(), secret, algorithm, encoding, prefix });
}

/** Five minutes: an older signature may be one that somebody has recorded. */
const toleranceMs = 300_000;

/**
 * The scheme of the Standard Webhooks specification: `webhook-id`, `webhook-timestamp` and `webhook-signature`, of which the id tells
 * deliveries apart. `secret` is base64, with or without "whsec_" before it. Signatures of more than five minutes ago are refused.
 */
export function standardWebhooks(secret: Setting): Signature {
  return Object.freeze({ by: "standard-webhooks", secret, toleranceMs });
}

/** The header `Stripe-Signature`. Signatures of more than five minutes ago are refused. The id is in the body: `id: { body: "id" }`. */
export function stripeSignature(secret: Setting): Signature {
  return Object.freeze({ by: "stripe", secret, toleranceMs });
}

/** What a delivery brings. */
export interface Proof {
  readonly headers: Headers;
  readonly body: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Does the delivery come from whoever knows the secret? */
export function isProven(verify: StaticAuth | Signature, proof: Proof, resolve: (setting: Setting) => string): boolean {
  const { headers, body } = proof;
  const header = (name: string): string => headers.get(name)?.trim() ?? "";
  switch (verify.by) {
    case "bearer":
      return isSame(header("authorization").replace(/^bearer +/i, ""), resolve(verify.token));
    case "basic": {
      const wanted = Buffer.from(`${resolve(verify.user)}:${resolve(verify.password)}`).toString("base64");
      return isSame(header("authorization").replace(/^basic +/i, ""), wanted);
    }
    case "header":
      return isSame(header(verify.header), resolve(verify.value));
    case "signature": {
      const made = createHmac(verify.algorithm, resolve(verify.secret)).update(body).digest(verify.encoding);
      const given = header(verify.header);
      // Hex may be in capitals.
      return isSame(verify.encoding === "hex" ? given.toLowerCase() : given, `${verify.prefix}${made}`);
    }
    case "standard-webhooks": {
      const secret = Buffer.from(resolve(verify.secret).replace(/^whsec_/, ""), "base64");
      const [id, at] = [header("webhook-id"), header("webhook-timestamp")];
      const made = createHmac("sha256", secret).update(`${id}.${at}.`).update(body).digest("base64");
      const given = header("webhook-signature")
        .split(/\s+/)
        .filter((part) => part.startsWith("v1,"));
      return id !== "" && isRecent(at, proof.now, verify.toleranceMs) && anySame(given, `v1,${made}`);
    }
    case "stripe": {
      const parts = header("stripe-signature")
        .split(",")
        .map((part) => part.trim());
      const at = parts.find((part) => part.startsWith("t="))?.slice(2) ?? "";
      const made = createHmac("sha256", resolve(verify.secret)).update(`${at}.`).update(body).digest("hex");
      return (
        isRecent(at, proof.now, verify.toleranceMs) &&
        anySame(
          parts.filter((part) => part.startsWith("v1=")),
          `v1=${made}`,
        )
      );
    }
  }
}

/** Is it seconds since the epoch, and near enough to now, in the past or, by another clock, in the future? */
function isRecent(seconds: string, now: number, tolerance: number): boolean {
  return /^\d{1,12}$/.test(seconds) && Math.abs(now - Number(seconds) * 1000) <= tolerance;
}

/** While a secret is changed, a sender signs with both. */
function anySame(given: readonly string[], made: string): boolean {
  return given.filter((one) => isSame(one, made)).length > 0;
}

function isSame(given: string, wanted: string): boolean {
  const hash = (text: string): Buffer => createHash("sha256").update(text).digest();
  // An empty secret would be proven by an empty header.
  return wanted !== "" && timingSafeEqual(hash(given), hash(wanted));
}
