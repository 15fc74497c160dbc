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
  return numberParameter(context, "limit", 1, maximum) ?? initial;
}

/** A whole number; undefined when it wasn't given. */
export function numberParameter(
  context: Context,
  name: string,
  minimum: number = 0,
  maximum: number = Number.MAX_SAFE_INTEGER,
): number | undefined {
  const text = context.req.query(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= minimum && value <= maximum) return value;
  const range = maximum === Number.MAX_SAFE_INTEGER ? `from ${minimum} up` : `from ${minimum} to ${maximum}`;
  throw new SluiceError("USAGE", `${name}=${text} is not a whole number ${range}`, {
    hint: "Leave it out, or change it.",
  });
}

/** One of these words; undefined when it wasn't given. */
export function choiceParameter<C extends string>(
  context: Context,
  name: string,
  choices: readonly C[],
): C | undefined {
  const text = context.req.query(name);
  if (text === undefined || choices.includes(text as C)) return text as C | undefined;
  throw new SluiceError("USAGE", `"${text}" is not a ${name}`, {
    hint: `Use ${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}.`,
  });
}
