// The default embedder: words, not meaning. It needs no model and no network, and says nothing that the text doesn't:
// a question finds the chunks that share its words (by their stems). Synonyms and other languages find nothing.
import { stemmer } from "stemmer";
import type { Embedder, Embedding } from "./embedder.ts";

/** English words so common that they tell nothing about a text. */
const stopWords: ReadonlySet<string> = new Set(
  `a about an and any are aren as at be been but by can could did didn do does doesn don for from had has have
  he her his how i if in into is isn it its me my no not of on or our shall she should so than that the their
  them then there these they this those to was we were what when where which while who whom why will with
  would you your`.split(/\s+/),
);

const scripts = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}ー`;
/** A run of a script that is written without spaces, or a word: letters and digits with what joins them inside. */
const pieces = new RegExp(
  String.raw`[${scripts}]+|(?:(?![${scripts}])[\p{L}\p{N}\p{M}])+(?:['’](?:s|t|re|ve|ll|d|m)\b)?`,
  "gu",
);
const humps = /(?<=\p{Ll}|\p{N})(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/u;

/**
 * Embeds a text as its terms, each with the number of times it occurs: words in lower case, without accents (NFKC),
 * English ones stemmed (Porter 1980), stop words left out; `camelCase` counts whole and in parts, `snake_case` in parts;
 * runs of Chinese, Japanese and Korean as single characters and pairs.
 *
 * The honest limit: it matches words, not meaning. Thai, Lao and Khmer, written without spaces, count as long words.
 */
export function lexical(): Embedder {
  return Object.freeze({
    id: "lexical-1",
    batch: 256,
    embed: async (texts: readonly string[]) => texts.map(embedText),
  });
}

function embedText(text: string): Embedding {
  const weights = new Map<string, number>();
  for (const term of terms(text)) weights.set(term, (weights.get(term) ?? 0) + 1);
  return { kind: "sparse", weights };
}

/** The terms of a text, in order, with repetitions. */
export function* terms(text: string): Generator<string> {
  const plain = text
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/g, "")
    .normalize("NFKC");
  const unspaced = new RegExp(`^[${scripts}]`, "u");
  for (const [piece] of plain.matchAll(pieces)) {
    if (unspaced.test(piece)) {
      const characters = [...piece];
      yield* characters;
      for (let at = 1; at < characters.length; at += 1) yield characters[at - 1]! + characters[at]!;
      continue;
    }
    const parts = piece.split(humps);
    for (const part of parts.length > 1 ? [piece, ...parts] : parts) {
      const term = wordTerm(part.toLowerCase());
      if (term !== null) yield term;
    }
  }
}

function wordTerm(word: string): string | null {
  const whole = word.replace(/['’]\p{L}+$/u, "");
  if (whole === "" || stopWords.has(whole)) return null;
  return /^[a-z]{3,}$/.test(whole) ? stemmer(whole) : whole;
}
