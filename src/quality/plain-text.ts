// Which texts mean the same inside a query: half a character can't be written in UTF-8, and a NUL not in SQL.
import type { Json } from "../json.ts";

export function isPlainText(text: string): boolean {
  return text.isWellFormed() && !text.includes("\0");
}

/** The same of every text inside a value, keys included. */
export function isPlainValue(value: Json): boolean {
  if (typeof value === "string") return isPlainText(value);
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([key, item]) => isPlainText(key) && isPlainValue(item as Json));
}
