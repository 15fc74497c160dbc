// How the lines of a file are written: which keys come in which order, and the white space around them. It is learnt
// from lines that the contract has accepted; where one of them lacks a key of another, that key may be missing.

export interface LineLayout {
  readonly keys: readonly LineKey[];
  /** Between a key and its value, with the colon. */
  readonly colon: string;
  /** Between a value and the next key, with the comma. */
  readonly comma: string;
  /** Before the first key, with the brace. */
  readonly open: string;
  /** Behind the last value, with the brace. */
  readonly close: string;
}

export interface LineKey {
  readonly name: string;
  readonly optional: boolean;
}

const space = String.raw`[ \t\r]*`;

/** The layout of a line that is a JSON object; null for nested values, keys with escapes or twice, or uneven space. */
export function layoutOf(line: string): LineLayout | null {
  const open = new RegExp(`^${space}\\{${space}`).exec(line)?.[0];
  if (open === undefined) return null;
  const entry = new RegExp(
    String.raw`"([^"\\\u0000-\u001f]*)"(${space}:${space})(?:"[^"\\]*(?:\\.[^"\\]*)*"|[^\s",:{}[\]]+)(${space}(?:,${space}|\}${space}$))`,
    "y",
  );
  const keys: LineKey[] = [];
  const colons = new Set<string>();
  const commas = new Set<string>();
  entry.lastIndex = open.length;
  while (entry.lastIndex < line.length) {
    const found = entry.exec(line);
    if (found === null) return null;
    const [, name, colon, end] = found as unknown as [string, string, string, string];
    colons.add(colon);
    keys.push({ name, optional: false });
    if (entry.lastIndex < line.length) commas.add(end);
    else if (colons.size > 1 || commas.size > 1 || !end.includes("}") || !areSound(keys)) return null;
    else return { keys, open, colon, comma: [...commas][0] ?? ",", close: end };
  }
  return null;
}

/** Of a key that comes twice the last counts, and __proto__ has a meaning of its own. */
function areSound(keys: readonly LineKey[]): boolean {
  const names = new Set(keys.map(({ name }) => name));
  return names.size === keys.length && !names.has("__proto__");
}

/** One layout for the lines of both; null if they are written in different ways or none of the keys is in all lines. */
export function mergedLayout(left: LineLayout, right: LineLayout): LineLayout | null {
  const isSameWay =
    left.open === right.open && left.colon === right.colon && left.comma === right.comma && left.close === right.close;
  if (!isSameWay) return null;
  const [inLeft, inRight] = [left, right].map(({ keys }) => new Set(keys.map(({ name }) => name)));
  const keys: LineKey[] = [];
  let [at, other] = [0, 0];
  while (at < left.keys.length || other < right.keys.length) {
    const [one, two] = [left.keys[at], right.keys[other]];
    if (one !== undefined && one.name === two?.name) {
      keys.push({ name: one.name, optional: one.optional || two.optional });
      at += 1;
      other += 1;
    } else if (one !== undefined && !inRight!.has(one.name)) {
      keys.push({ name: one.name, optional: true });
      at += 1;
    } else if (two !== undefined && !inLeft!.has(two.name)) {
      keys.push({ name: two.name, optional: true });
      other += 1;
    } else return null;
  }
  return keys.some(({ optional }) => !optional) ? { ...left, keys } : null;
}
