// The layouts that the lines of one file have shown, the last used first, each with its pattern.
import type { Contract } from "../contract.ts";
import { layoutOf, type LineLayout, mergedLayout } from "./line-layout.ts";
import { type ColumnPatterns, columnPatterns, type LinePattern, linePattern } from "./line-pattern.ts";

export interface KnownLines {
  /** Where the line that begins at `from` ends, its newline included, if it is surely valid; else -1. */
  readonly endOfValid: (text: string, from: number) => number;
  /** Takes note of a line that the contract has accepted. */
  readonly learn: (line: string) => void;
}

const mostLayouts = 8;
// Of all patterns together; V8 compiles each when it is first used.
const mostLength = 1_000_000;
// Learning takes at most a small share of the lines, however they are written.
const sureLooks = 64;
const linesPerLook = 32;
// After so many lines of which only every eighth or less was known, no more are looked up.
const trial = 4096;
const leastKnown = trial / 8;
// A pattern's way back through a text takes memory in proportion to it.
const longestText = 1 << 21;

/** A contract without patterns knows no line. */
export function knownLines(contract: Contract): KnownLines {
  const columns = columnPatterns(contract);
  return typeof columns === "string" ? { endOfValid: () => -1, learn: () => {} } : createKnownLines(columns);
}

function createKnownLines(columns: ColumnPatterns): KnownLines {
  const known: { layout: LineLayout; pattern: LinePattern }[] = [];
  let lines = 0;
  let looks = 0;
  let length = 0;
  let tried = 0;
  let found = 0;
  let isWorthIt = true;

  return {
    endOfValid: (text, from) => {
      lines += 1;
      if (!isWorthIt || known.length === 0 || text.length > longestText) return -1;
      tried += 1;
      if (tried > trial) {
        isWorthIt = found > leastKnown;
        tried = 1;
        found = 0;
      }
      for (const [at, one] of known.entries()) {
        const end = one.pattern.match(text, from);
        if (end < 0) continue;
        found += 1;
        if (at > 0) known.unshift(...known.splice(at, 1));
        return end;
      }
      return -1;
    },
    learn: (line) => {
      if (!isWorthIt || length >= mostLength) return;
      if (looks >= sureLooks && looks * linesPerLook > lines) return;
      looks += 1;
      const seen = layoutOf(line);
      if (seen === null) return;
      for (const one of known) {
        const merged = mergedLayout(one.layout, seen);
        if (merged === null) continue;
        if (isSame(merged, one.layout)) return;
        const pattern = linePattern(columns, merged);
        if (pattern === null) continue;
        length += pattern.length;
        Object.assign(one, { layout: merged, pattern });
        return;
      }
      const pattern = linePattern(columns, seen);
      if (pattern === null) return;
      length += pattern.length;
      known.unshift({ layout: seen, pattern });
      known.length = Math.min(known.length, mostLayouts);
    },
  };
}

/** Of a layout and one that holds all of its keys. */
function isSame(merged: LineLayout, before: LineLayout): boolean {
  return (
    merged.keys.length === before.keys.length &&
    merged.keys.every(({ optional }, at) => optional === before.keys[at]!.optional)
  );
}
