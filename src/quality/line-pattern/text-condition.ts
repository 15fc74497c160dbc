// Turns an exact pattern (pattern.ts) into one that is tried inside a JSON string, from right behind its opening quote.
// All of its classes are cut down to the characters that may stand there, none of which is a quote: so nothing runs over
// the closing quote, and the start and the end of the text are where a quote is.
import type { ExactPattern } from "../pattern.ts";
import { type CodePoints, classOf, complement, intersection, withBothCases } from "./code-points.ts";

const controls: Readonly<Record<string, number>> = { t: 9, n: 10, f: 12, r: 13 };

/**
 * A pattern that matches, behind the opening quote of a text of `allowed` characters, where `pattern` finds something in
 * that text. Null if the source has a part that is not known here.
 */
export function textCondition({ source }: ExactPattern, allowed: CodePoints): string | null {
  const ignoresCase = source.startsWith("(?i:");
  const token =
    /(?<open>\(\?i?:)|(?<close>[)|])|\\(?<anchor>[Azb])|(?<set>\[\^?(?:\\.|[^\]\\])+\])|(?<letter>\\x\{[0-9a-f]+\}|[A-Za-z0-9_ ])|(?<repeat>(?:[*+?]|\{\d+(?:,\d*)?\})\??)/y;
  const setOf = (items: CodePoints, negated: boolean): string => {
    const folded = ignoresCase ? withBothCases(items) : items;
    return classOf(intersection(negated ? complement(folded) : folded, allowed));
  };
  let text = "";
  while (token.lastIndex < source.length) {
    const groups = token.exec(source)?.groups;
    if (groups === undefined) return null;
    const { open, close, anchor, set, letter, repeat } = groups;
    if (open !== undefined) text += "(?:";
    else if (anchor !== undefined) text += anchor === "A" ? '(?<=")' : anchor === "z" ? '(?=")' : String.raw`\b`;
    else if (letter !== undefined) text += setOf([[codePoint(letter), codePoint(letter)]], false);
    else if (set !== undefined) {
      const items = itemsOf(set);
      if (items === null) return null;
      text += setOf(items, set.startsWith("[^"));
    } else text += close ?? repeat ?? "";
  }
  // With alternatives a pattern is grouped: one that begins with the anchor can only match at the start.
  return source.startsWith(String.raw`\A`) ? text : `${classOf(allowed)}*?(?:${text})`;
}

function itemsOf(set: string): CodePoints | null {
  const item = /(?<from>\\x\{[0-9a-f]+\}|\\[tnfr]|[A-Za-z0-9_ ])(?:-(?<to>\\x\{[0-9a-f]+\}|[A-Za-z0-9_ ]))?/y;
  const end = set.length - 1;
  const items: [number, number][] = [];
  item.lastIndex = set.startsWith("[^") ? 2 : 1;
  while (item.lastIndex < end) {
    const groups = item.exec(set)?.groups;
    if (groups === undefined) return null;
    const from = codePoint(groups["from"]!);
    items.push([from, groups["to"] === undefined ? from : codePoint(groups["to"])]);
  }
  return items;
}

function codePoint(item: string): number {
  if (item.startsWith(String.raw`\x{`)) return Number.parseInt(item.slice(3, -1), 16);
  return item.startsWith("\\") ? controls[item[1]!]! : item.codePointAt(0)!;
}
