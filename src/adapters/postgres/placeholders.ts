// A query's placeholders ($1, $2 …) replaced by literals, for COPY, which binds no values. Where the placeholders are is
// found by PostgreSQL's own lexical rules: what looks like one inside a text, a quoted name or a comment is none.
import { SluiceError } from "../../errors.ts";

// In this order, at a position: the first that matches is the token.
const tokens: readonly RegExp[] = [
  // E'…' has escapes, and so have the pieces that continue it on further lines.
  /[eE]'(?:[^'\\]|\\[^]|'')*'(?:[ \t]*[\n\r]\s*'(?:[^'\\]|\\[^]|'')*')*/y,
  /'(?:[^']|'')*'/y,
  /"(?:[^"]|"")*"/y,
  /--[^\n\r]*/y,
  /\$((?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?)\$[^]*?\$\1\$/y,
  // A name may have a $ in it.
  /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y,
  /\d[\w.]*/y,
];
const placeholder = /\$(\d+)/y;

/** The query's text with `literals[n - 1]` in the place of `$n`. */
export function inlinePlaceholders(text: string, literals: readonly string[]): string {
  let inlined = "";
  const used = new Set<number>();
  for (let at = 0; at < text.length;) {
    const end = text.startsWith("/*", at) ? commentEnd(text, at) : tokenEnd(text, at);
    placeholder.lastIndex = at;
    const found = end === null ? placeholder.exec(text) : null;
    if (found === null) {
      inlined += text.slice(at, end ?? at + 1);
      at = end ?? at + 1;
      continue;
    }
    const position = Number(found[1]);
    inlined += literals[position - 1] ?? found[0];
    used.add(position);
    at = placeholder.lastIndex;
  }
  const missed = literals.findIndex((_, index) => !used.has(index + 1));
  if (missed >= 0) throw misplaced(missed + 1);
  return inlined;
}

/** The error for a value whose hole is inside a text, a name or a comment, where nothing can be bound. */
export function misplaced(position: number): SluiceError {
  return new SluiceError(
    "QUERY_FAILED",
    `Value ${position} of the query stands inside a text, a quoted name or a comment`,
    {
      hint: "A value is bound, not pasted: write where name = ${name}, without quotes around it.",
    },
  );
}

/** A value as a literal of a type, both by their names in the catalog. Only with standard_conforming_strings on. */
export function typedLiteral(value: string | number | boolean | null, type: string): string {
  return `CAST(${value === null ? "NULL" : unknownLiteral(String(value))} AS ${type})`;
}

/** A text as a literal that takes the type of what it is compared with. Only with standard_conforming_strings on. */
export function unknownLiteral(text: string): string {
  if (text.includes("\0")) {
    throw new SluiceError(
      "QUERY_FAILED",
      "A value of the query has the character U+0000, which PostgreSQL can't hold",
      {
        hint: "Leave it out of the value.",
      },
    );
  }
  return `'${text.replaceAll("'", "''")}'`;
}

function tokenEnd(text: string, at: number): number | null {
  for (const token of tokens) {
    token.lastIndex = at;
    if (token.test(text)) return token.lastIndex;
  }
  return null;
}

/** Comments nest. */
function commentEnd(text: string, at: number): number {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = at;
  let depth = 0;
  for (let mark = marks.exec(text); mark !== null; mark = marks.exec(text)) {
    depth += mark[0] === "/*" ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  return text.length;
}
