// Outputs too big for a run's state: the text is kept as an artifact, and the state has a note of where. Whoever reads
// the output gets the value; nobody but this file and the engine's count of items knows the note.
import { Buffer } from "node:buffer";
import type { ArtifactStore } from "../dataset/artifact-store.ts";
import { SluiceError } from "../errors.ts";
import { deepFreeze } from "./shared-values.ts";

/** In place of an output whose JSON is bigger than the limit. */
export interface SpilledOutput {
  /** SHA-256 of the JSON text, in hex. */
  readonly $artifact: string;
  readonly bytes: number;
  /** Of a list. */
  readonly length?: number;
}

/** Outputs up to so many bytes of JSON are kept in the state. */
export const spillOver: number = 64 * 1024;

/** What is kept in the state for an output; TASK_FAILED when it is not JSON. */
export async function spilled(step: string, output: unknown, artifacts: ArtifactStore): Promise<unknown> {
  if (output === undefined || output === null || typeof output === "boolean" || typeof output === "number")
    return output ?? null;
  const text = textOf(step, output);
  // A UTF-16 unit is three bytes at the most.
  if (text.length * 3 <= spillOver || Buffer.byteLength(text) <= spillOver) return output;
  const { hash, bytes } = await artifacts.keepJson(text);
  return {
    $artifact: hash,
    bytes,
    ...(Array.isArray(output) ? { length: output.length } : {}),
  } satisfies SpilledOutput;
}

function textOf(step: string, output: unknown): string {
  try {
    return JSON.stringify(output) ?? "null";
  } catch (cause) {
    const why = (cause as Error).message.split("\n", 1)[0];
    throw new SluiceError("TASK_FAILED", `Step "${step}" returned something that is not JSON: ${why}`, {
      hint: "Return small plain data; write 64-bit integers as strings, and rows as datasets.",
      cause,
    });
  }
}

function isSpilled(value: unknown): value is SpilledOutput {
  return (
    typeof value === "object" &&
    value !== null &&
    "$artifact" in value &&
    typeof value.$artifact === "string" &&
    /^[0-9a-f]{64}$/.test(value.$artifact)
  );
}

export interface OutputReader {
  /** The output behind what the state has; also where the elements of a list were too big. It is the caller's own. */
  read(value: unknown): Promise<unknown>;
  /** The same for many callers: frozen, and read once. */
  readShared(value: unknown): Promise<unknown>;
}

/** Shared outputs are kept for the next caller up to so many bytes of JSON. */
const keptBytes = 64 * 1024 * 1024;

export function outputReader(artifacts: ArtifactStore): OutputReader {
  const kept = new Map<string, { readonly value: unknown; readonly bytes: number }>();
  let bytes = 0;
  const parsed = async ({ $artifact }: SpilledOutput): Promise<unknown> => JSON.parse(await artifacts.json($artifact));
  const shared = async (value: SpilledOutput): Promise<unknown> => {
    const known = kept.get(value.$artifact);
    if (known !== undefined) return known.value;
    const made = { value: deepFreeze(await parsed(value)), bytes: value.bytes };
    kept.set(value.$artifact, made);
    bytes += made.bytes;
    for (const [hash, oldest] of kept) {
      if (bytes <= keptBytes || kept.size === 1) break;
      kept.delete(hash);
      bytes -= oldest.bytes;
    }
    return made.value;
  };
  const each = async (value: unknown, one: (value: SpilledOutput) => Promise<unknown>): Promise<unknown> => {
    if (isSpilled(value)) return one(value);
    if (!Array.isArray(value) || !value.some(isSpilled)) return value;
    const list: unknown[] = [];
    for (const item of value) list.push(isSpilled(item) ? await one(item) : item);
    return list;
  };
  /** Lists that were looked through for elements that are kept elsewhere, and what they are with them. */
  const whole = new WeakMap<object, unknown>();
  return {
    read: (value) => each(value, parsed),
    readShared: async (value) => {
      if (!Array.isArray(value)) return each(value, shared);
      const known = whole.get(value);
      if (known !== undefined) return known;
      const made = deepFreeze(await each(value, shared));
      whole.set(value, made);
      return made;
    },
  };
}
