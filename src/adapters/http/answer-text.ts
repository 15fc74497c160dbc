// The text of an answer, up to a size: half of one, or one that is not UTF-8, is none.
import { SluiceError } from "../../errors.ts";
import type { FaultCodes } from "./request.ts";

export async function readText(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
  shown: string,
  faults: FaultCodes,
): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const decoded = (chunk: Uint8Array | null): string => {
    try {
      return chunk === null ? decoder.decode() : decoder.decode(chunk, { stream: true });
    } catch {
      throw new SluiceError(faults.malformed, `${shown} answered with text that is not valid UTF-8`, {
        hint: "JSON is UTF-8 by its standard; the API must be mended.",
      });
    }
  };
  const parts: string[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    // Leaving the loop ends the rest of the answer.
    if (bytes > maxBytes) {
      throw new SluiceError(faults.malformed, `${shown} answered with more than ${maxBytes} bytes`, {
        hint: "Ask for smaller pages, or raise maxPageBytes.",
      });
    }
    parts.push(decoded(chunk));
  }
  parts.push(decoded(null));
  return parts.join("");
}

/** The beginning of an answer, for a message: as much as came, whatever it is. */
export async function beginningOf(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      bytes += chunk.byteLength;
      if (bytes >= maxBytes) break;
    }
  } catch {
    // What came before it broke off will do.
  }
  return Buffer.concat(chunks).subarray(0, maxBytes).toString("utf8");
}
