// A pattern as conditions that must all hold. RE2 knows no lookahead, but one that stands right behind the first ^ is a
// condition of its own on the same text: that it begins so, or doesn't.
import { exactPattern } from "./pattern.ts";
import type { FieldCheck } from "./schema-check.ts";

/** Conditions that hold together exactly where `regex` finds something in a text; null if SQL has none. */
export function patternChecks(regex: RegExp): readonly FieldCheck[] | null {
  const whole = exactPattern(regex);
  if (whole !== null) return [{ op: "pattern", pattern: whole }];
  const checks: FieldCheck[] = [];
  let rest = regex.source;
  for (let look = lookahead(rest); look !== null; look = lookahead(rest)) {
    const pattern = exactPattern(new RegExp(`^(?:${look.inner})`, regex.flags));
    if (pattern === null) return null;
    checks.push(look.negated ? { op: "pattern", pattern, negated: true } : { op: "pattern", pattern });
    rest = `^${look.rest}`;
  }
  // Alternatives beside the lookahead would not be bound by it.
  if (checks.length === 0 || hasAlternatives(rest)) return null;
  const pattern = exactPattern(new RegExp(rest, regex.flags));
  return pattern === null ? null : [...checks, { op: "pattern", pattern }];
}

function lookahead(
  source: string,
): { readonly inner: string; readonly negated: boolean; readonly rest: string } | null {
  if (!/^\^\(\?[!=]/.test(source)) return null;
  const end = parts(source.slice(1)).find(({ depth, letter }) => depth === 0 && letter === ")");
  // A lookahead that is repeated means nothing, but is allowed.
  if (end === undefined || /^[*+?{]/.test(source.slice(end.at + 2))) return null;
  return { inner: source.slice(4, end.at + 1), negated: source[3] === "!", rest: source.slice(end.at + 2) };
}

function hasAlternatives(source: string): boolean {
  return parts(source).some(({ depth, letter }) => depth === 0 && letter === "|");
}

/** The letters of a pattern that are neither escaped nor in a class, with the depth of groups behind them. */
function parts(source: string): { readonly at: number; readonly letter: string; readonly depth: number }[] {
  const found: { at: number; letter: string; depth: number }[] = [];
  let depth = 0;
  let inClass = false;
  for (let at = 0; at < source.length; at += 1) {
    const letter = source[at]!;
    if (letter === "\\") {
      at += 1;
      continue;
    }
    if (letter === "[") inClass = true;
    else if (letter === "]") inClass = false;
    if (inClass) continue;
    if (letter === "(") depth += 1;
    if (letter === ")") depth -= 1;
    found.push({ at, letter, depth });
  }
  return found;
}
