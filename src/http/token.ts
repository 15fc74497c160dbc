// The tokens that a caller shows: as a bearer token, or as the password that a browser has asked a person for.
import { createHash, timingSafeEqual } from "node:crypto";

/** Is it what the header shows? Takes the same time whatever was sent, so that nothing about it can be learned by measuring. */
export function isToken(header: string | undefined, token: string): boolean {
  const hash = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(shownIn(header ?? "")), hash(token));
}

function shownIn(header: string): string {
  const bearer = /^Bearer +(\S+)\s*$/i.exec(header)?.[1];
  if (bearer !== undefined) return bearer;
  const basic = /^Basic +([\w+/=-]+)\s*$/i.exec(header)?.[1];
  // The name before the colon is nobody's business.
  return basic === undefined
    ? ""
    : Buffer.from(basic, "base64")
        .toString("utf8")
        .replace(/^[^:]*:/, "");
}
