// Expectations that measure one value and hold it against bounds: what they share.
import type { Json } from "../../json.ts";
import { jsonValue } from "../issue.ts";
import type { Aggregate, MeasureCheck } from "./check.ts";
import type { ValueClass } from "./table.ts";

/** The check of an aggregate against bounds, which the engine compares, so that no digit is lost on the way. */
export function measured(
  aggregate: Aggregate,
  verdict: (value: string) => string,
  found: ValueClass = "number",
): MeasureCheck {
  return {
    type: "measure",
    aggregates: [aggregate, (filter, distinct) => verdict(aggregate(filter, distinct))],
    // Of no values there is no mean: bounds on it are not met, and without bounds there is nothing to fail.
    judge: ([observed, holds]) => ({ success: holds === true, observed: plainValue(observed, found) }),
  };
}

/** A value as the engine gives it, as JSON: integers and decimals, which come as text, are numbers where those can hold them. */
export function plainValue(value: unknown, found: ValueClass = "number"): Json {
  if (typeof value === "string") return (found === "number" ? numberOf(value) : null) ?? jsonValue(value);
  if (Array.isArray(value)) return value.map((item) => plainValue(item, found));
  return jsonValue(value);
}

function numberOf(text: string): number | null {
  if (!/^-?\d+(?:\.\d+)?$/.test(text)) return null;
  const value = Number(text);
  // Leading zeros, and more digits than a number has, are a text's own.
  return plainDigits(String(value)) === plainDigits(text) ? value : null;
}

function plainDigits(text: string): string {
  return text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
}

/** "a, b and c". */
export function listText(items: readonly string[]): string {
  if (items.length > 8) return `${items.slice(0, 7).join(", ")} and ${items.length - 7} more`;
  return items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)!}`;
}
