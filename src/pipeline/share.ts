// A number that looks random and is not: it depends on a text alone, so that what was spread once is spread the same
// way by every process that computes it again.
import { contentHash } from "../json.ts";

/** A share in [0, 1) that is even over all texts. */
export function share(seed: string): number {
  return Number.parseInt(contentHash(seed).slice(0, 12), 16) / 2 ** 48;
}
