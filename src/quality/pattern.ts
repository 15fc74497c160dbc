// Translates a JavaScript regular expression into one of the columnar engine (RE2) that matches exactly the same
// strings. What has no such twin is refused (null), never approximated: the validator then runs in JS instead.

/** A pattern with the same meaning in RE2, and where that sameness ends. */
export interface ExactPattern {
  /** RE2 source: every literal is escaped, classes are spelt out, anchors mean the ends of the text. */
  readonly source: string;
  /** `always`; or the two agree only on strings of these characters, and other strings must be judged in JS. */
  readonly exactFor: "always" | "basic-plane" | "ascii";
}

// RE2 refuses repetition counts above this, nested ones multiplied.
const mostRepeats = 1000;
const lineEnds = String.raw`\n\r\x{2028}\x{2029}`;
// White space and line terminators of ECMAScript: RE2's \s is ASCII only.
const spaces = String.raw`\t\n\x{b}\f\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}`;
const classes: Readonly<Record<string, string>> = { d: "0-9", w: "0-9A-Za-z_", s: spaces };
const controls: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, "0": 0 };

/** The RE2 twin of `regex` for a search anywhere in the text (anchors included), or null. */
export function exactPattern(regex: RegExp): ExactPattern | null {
  if (/[^gdiu]/.test(regex.flags)) return null;
  // Case folding by code point has its own table in each engine.
  if (regex.unicode && regex.ignoreCase) return null;
  try {
    return translate(regex.source, regex.unicode, regex.ignoreCase);
  } catch (error) {
    if (error === untranslatable) return null;
    throw error;
  }
}

const untranslatable = Symbol("untranslatable");
function refuse(): never {
  throw untranslatable;
}

function translate(source: string, unicode: boolean, ignoreCase: boolean): ExactPattern {
  let at = 0;
  // Without the u flag JS sees a character outside the basic plane as two halves, each matched by "any" or "none of".
  let seesHalves = false;

  const peek = (): string => source[at] ?? "";
  const take = (): string => source[at++] ?? refuse();

  function alternation(): { text: string; repeats: number } {
    const branches: string[] = [""];
    let repeats = 1;
    while (at < source.length && peek() !== ")") {
      if (peek() === "|") {
        at += 1;
        branches.push("");
        continue;
      }
      const part = term();
      repeats = Math.max(repeats, part.repeats);
      branches[branches.length - 1] += part.text;
    }
    return { text: branches.join("|"), repeats };
  }

  function term(): { text: string; repeats: number } {
    const letter = take();
    if (letter === "^") return quantified(String.raw`\A`, 1, false);
    if (letter === "$") return quantified(String.raw`\z`, 1, false);
    if (letter === "(") return group();
    if (letter === "[") return quantified(characterClass(), 1, true);
    if (letter === ".") {
      // Any number of halves is any number of characters.
      if (peek() !== "*") seesHalves = true;
      return quantified(`[^${lineEnds}]`, 1, true);
    }
    if (letter === "\\") return escape();
    if ("*+?{}]".includes(letter)) refuse();
    return quantified(literal(codePointAt(at - 1)), 1, true);
  }

  function group(): { text: string; repeats: number } {
    if (source.startsWith("?:", at)) at += 2;
    else if (source.startsWith("?<", at) && !/[=!]/.test(source[at + 2] ?? "=")) at = source.indexOf(">", at) + 1;
    else if (peek() === "?") refuse();
    const inner = alternation();
    if (take() !== ")") refuse();
    // The engine takes an anchor before an empty group for the whole text.
    if (inner.text === "") return quantified("", inner.repeats, false);
    return quantified(`(?:${inner.text})`, inner.repeats, true);
  }

  function escape(): { text: string; repeats: number } {
    const letter = take();
    if (letter === "b") return quantified(String.raw`\b`, 1, false);
    const set = classes[letter.toLowerCase()];
    if (set !== undefined) {
      if (letter !== letter.toLowerCase()) seesHalves = true;
      return quantified(`[${letter === letter.toLowerCase() ? "" : "^"}${set}]`, 1, true);
    }
    return quantified(literal(escapedCodePoint(letter)), 1, true);
  }

  function escapedCodePoint(letter: string): number {
    if (letter === "0" && /\d/.test(peek())) refuse();
    const control = controls[letter];
    if (control !== undefined) return control;
    if (letter === "x" || letter === "u") return hexadecimal(letter);
    // Any other letter or digit is a reference, a property or a quirk of old scripts.
    if (/[A-Za-z0-9]/.test(letter) || letter.charCodeAt(0) > 127) refuse();
    return letter.charCodeAt(0);
  }

  function hexadecimal(letter: string): number {
    const braced = unicode && letter === "u" && peek() === "{";
    const match = braced ? /\{([0-9a-fA-F]+)\}/y : letter === "x" ? /([0-9a-fA-F]{2})/y : /([0-9a-fA-F]{4})/y;
    match.lastIndex = at;
    const found = match.exec(source);
    if (found === null) refuse();
    at = match.lastIndex;
    const code = Number.parseInt(found[1]!, 16);
    if (code >= 0xd800 && code <= 0xdfff) refuse();
    return code;
  }

  function codePointAt(position: number): number {
    const code = source.codePointAt(position)!;
    if (code > 0xffff) {
      if (!unicode) refuse();
      at = position + 2;
    }
    if (code >= 0xd800 && code <= 0xdfff) refuse();
    return code;
  }

  function characterClass(): string {
    const negated = peek() === "^";
    if (negated) at += 1;
    if (negated) seesHalves = true;
    let text = "";
    while (peek() !== "]") {
      const from = classItem();
      const isRange = peek() === "-" && source[at + 1] !== "]" && at + 1 < source.length;
      if (typeof from === "string") {
        if (isRange) refuse();
        text += from;
        continue;
      }
      if (!isRange) {
        text += literal(from);
        continue;
      }
      at += 1;
      const to = classItem();
      if (typeof to === "string" || to < from) refuse();
      if (from <= 0xdfff && to >= 0xd800) seesHalves = true;
      text += `${literal(from)}-${literal(to)}`;
    }
    at += 1;
    if (text === "") refuse();
    return `[${negated ? "^" : ""}${text}]`;
  }

  function classItem(): number | string {
    const letter = take();
    if (letter !== "\\") return codePointAt(at - 1);
    const escaped = take();
    const set = classes[escaped];
    if (set !== undefined) return set;
    if (escaped === "b") return 8;
    return escapedCodePoint(escaped);
  }

  function quantified(text: string, repeats: number, repeatable: boolean): { text: string; repeats: number } {
    const match = /(?:[*+?]|\{(\d+)(?:,(\d*))?\})\??/y;
    match.lastIndex = at;
    const found = match.exec(source);
    if (found === null) return { text, repeats };
    if (!repeatable) refuse();
    at = match.lastIndex;
    const count = Math.max(Number(found[1] ?? 1), Number(found[2] || 1), 1) * repeats;
    if (count > mostRepeats) refuse();
    return { text: text + found[0], repeats: count };
  }

  const whole = alternation();
  if (at < source.length) refuse();
  const exactFor = ignoreCase ? "ascii" : seesHalves && !unicode ? "basic-plane" : "always";
  return { source: ignoreCase ? `(?i:${whole.text})` : wrapped(whole.text), exactFor };
}

/** A pattern with alternatives is grouped, so that whatever is put around it holds for all of them. */
function wrapped(text: string): string {
  return text.includes("|") ? `(?:${text})` : text;
}

function literal(code: number): string {
  const letter = String.fromCodePoint(code);
  return /[A-Za-z0-9_ ]/.test(letter) ? letter : `\\x{${code.toString(16)}}`;
}
