// Sets of code points, as ranges in their order, and how a JavaScript pattern with the flag u writes them.

export type CodePoints = readonly (readonly [from: number, to: number])[];

/** What stands in a JSON string as itself, without halves of characters, which decoded UTF-8 never has. */
export const unescaped: CodePoints = [
  [0x20, 0x21],
  [0x23, 0x5b],
  [0x5d, 0xd7ff],
  [0xe000, 0x10ffff],
];
export const ascii: CodePoints = [[0, 0x7f]];
export const basicPlane: CodePoints = [[0, 0xffff]];

export function intersection(left: CodePoints, right: CodePoints): CodePoints {
  return left.flatMap(([a, b]) =>
    right.flatMap(([c, d]): CodePoints => {
      const [from, to] = [Math.max(a, c), Math.min(b, d)];
      return from <= to ? [[from, to]] : [];
    }),
  );
}

export function complement(set: CodePoints): CodePoints {
  const sorted = [...set].toSorted(([a], [b]) => a - b);
  const found: [number, number][] = [];
  let next = 0;
  for (const [from, to] of sorted) {
    if (from > next) found.push([next, from - 1]);
    next = Math.max(next, to + 1);
  }
  if (next <= 0x10ffff) found.push([next, 0x10ffff]);
  return found;
}

/** With both cases of every ASCII letter in it. */
export function withBothCases(set: CodePoints): CodePoints {
  const upper = intersection(set, [[0x41, 0x5a]]).map(([from, to]) => [from + 32, to + 32] as const);
  const lower = intersection(set, [[0x61, 0x7a]]).map(([from, to]) => [from - 32, to - 32] as const);
  return [...set, ...upper, ...lower];
}

/** A class; that of the empty set matches nothing. */
export function classOf(set: CodePoints): string {
  const [only] = set;
  if (only !== undefined && set.length === 1 && only[0] === only[1]) return escaped(only[0]);
  return `[${set.map(([from, to]) => (from === to ? escaped(from) : `${escaped(from)}-${escaped(to)}`)).join("")}]`;
}

/** A pattern of exactly this text. */
export function literal(text: string): string {
  return [...text].map((letter) => escaped(letter.codePointAt(0)!)).join("");
}

/** Has `text` only characters of the set? */
export function consistsOf(text: string, set: CodePoints): boolean {
  return [...text].every((letter) => {
    const code = letter.codePointAt(0)!;
    return set.some(([from, to]) => from <= code && code <= to);
  });
}

function escaped(code: number): string {
  const letter = String.fromCodePoint(code);
  return /[A-Za-z0-9_]/.test(letter) ? letter : `\\u{${code.toString(16)}}`;
}
