// One regular expression for a line of a layout: what it matches is JSON, and a row that the contract accepts.
import type { Contract } from "../contract.ts";
import { columnsOf } from "../expression.ts";
import { evaluate } from "../expression-js.ts";
import { literal } from "./code-points.ts";
import type { LineLayout } from "./line-layout.ts";
import { anyScalar, type ValuePattern, valuePattern } from "./value-pattern.ts";

export interface LinePattern {
  /** Of its source: what it costs to make. */
  readonly length: number;
  /** Where the line that begins at `from` ends, its newline included; -1 if the pattern does not know the line. */
  readonly match: (text: string, from: number) => number;
}

/** The patterns of a contract's columns. */
export interface ColumnPatterns {
  readonly contract: Contract;
  readonly values: ReadonlyMap<string, ValuePattern>;
  /** The columns that its rules read. */
  readonly read: ReadonlySet<string>;
}

/** The patterns of a contract's columns, or why it has none. */
export function columnPatterns(contract: Contract): ColumnPatterns | string {
  const { schema, validator, rules } = contract;
  if (schema.residual.length > 0 || schema.shape !== null) return "a condition on the row as a whole";
  const values = new Map<string, ValuePattern>();
  for (const field of schema.fields) {
    const pattern = valuePattern(field, validator);
    if (typeof pattern === "string") return pattern;
    values.set(field.name, pattern);
  }
  return { contract, values, read: new Set(rules.flatMap((rule) => columnsOf(rule.expression))) };
}

// V8 compiles some longer ones for seconds.
const longestSource = 150_000;

/** The pattern of lines of `layout`; null if there can't be one. */
export function linePattern({ contract, values, read }: ColumnPatterns, layout: LineLayout): LinePattern | null {
  const names = layout.keys.map(({ name }) => name);
  if (contract.schema.strict && names.some((name) => !values.has(name))) return null;
  const isCaptured = (name: string): boolean => read.has(name) || (values.get(name)?.test ?? null) !== null;
  const source = sourceOf(layout, (name) => {
    const value = values.get(name)?.source ?? anyScalar;
    return isCaptured(name) ? `(${value})` : value;
  });
  if (source === null || source.length > longestSource) return null;
  const regex = new RegExp(source, "uy");
  const captured = names.filter(isCaptured);
  if (captured.length === 0) {
    return {
      length: source.length,
      match: (text, from) => {
        regex.lastIndex = from;
        return regex.test(text) ? regex.lastIndex : -1;
      },
    };
  }
  const tests = captured.map((name) => values.get(name)?.test ?? null);
  return {
    length: source.length,
    match: (text, from) => {
      regex.lastIndex = from;
      const found = regex.exec(text);
      if (found === null) return -1;
      const row: Record<string, unknown> = {};
      for (let at = 0; at < captured.length; at += 1) {
        const value = found[at + 1];
        // A key that is not there.
        if (value === undefined) continue;
        const parsed: unknown = JSON.parse(value);
        if (tests[at]?.(parsed) === false) return -1;
        row[captured[at]!] = parsed;
      }
      const isFine = contract.rules.every((rule) => evaluate(rule.expression, row) !== false);
      return isFine ? regex.lastIndex : -1;
    },
  };
}

function sourceOf({ keys, open, colon, comma, close }: LineLayout, valueOf: (name: string) => string): string | null {
  // The keys before the first that is always there have their comma behind them, the others before them.
  const first = keys.findIndex(({ optional }) => !optional);
  if (first < 0) return null;
  const parts = keys.map(({ name, optional }, at) => {
    const entry = `${literal(`"${name}"${colon}`)}${valueOf(name)}`;
    if (at === first) return entry;
    const separated = at < first ? `${entry}${literal(comma)}` : `${literal(comma)}${entry}`;
    return optional ? `(?:${separated})?` : separated;
  });
  return `${literal(open)}${parts.join("")}${literal(close)}\\n`;
}
