// What texts look like: patterns for the columnar engine (RE2), each for the whole value. A shape suggests; it proves nothing.
import type { Row } from "../../dataset/session.ts";
import { quoteLiteral } from "../../dataset/sql.ts";
import type { Shape } from "./profile.ts";

// A leading zero or plus makes a code of what looks like a number: it would be lost.
const patterns: Readonly<Record<Shape, string>> = {
  truth: "true|false",
  integer: "-?(0|[1-9][0-9]{0,14})",
  number: String.raw`-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`,
  date: "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])",
  timestamp: String.raw`[0-9]{4}-[0-9]{2}-[0-9]{2}[ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?(Z|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)?`,
  uuid: "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}",
  email: String.raw`[A-Za-z0-9_'+-]+(\.[A-Za-z0-9_'+-]+)*@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}`,
  url: String.raw`https?://[^\s/$.?#]+\.[^\s]+`,
};
const names = Object.keys(patterns) as Shape[];

/** One aggregate per shape. */
export function shapeCounts(cell: string, id: string): string[] {
  return names.map(
    (shape) => `count(*) FILTER (regexp_full_match(${cell}, ${quoteLiteral(patterns[shape])})) AS ${id}_${shape}`,
  );
}

/** Their counts, as `shapeCounts` named them. */
export function shapesOf(found: Row, id: string): Record<Shape, number> {
  return Object.fromEntries(names.map((shape) => [shape, Number(found[`${id}_${shape}`])])) as Record<Shape, number>;
}
