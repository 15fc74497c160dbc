// Reads the parameters of a request; what doesn't fit is USAGE.
import type { Context } from "hono";
import { SluiceError } from "../errors.ts";

/** The parameters that were given, by these names. */
export function textParameters<N extends string>(
  context: Context,
  names: readonly N[],
): { readonly [K in N]?: string } {
  const given = names.flatMap((name) => {
    const value = context.req.query(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(given) as { readonly [K in N]?: string };
}

/** `limit`, a whole number from 1 to `maximum`. */
export function limitParameter(context: Context, initial: number, maximum: number): number {
  const text = context.req.query("limit");
  if (text === undefined) return initial;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= maximum) return value;
  throw new SluiceError("USAGE", `limit=${text} is not a whole number from 1 to ${maximum}`, {
    hint: "Leave it out, or change it.",
  });
}
