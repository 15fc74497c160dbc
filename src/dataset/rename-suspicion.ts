// Guesses which present column is a missing one under a new name: by the names alone, or by types and values as well. It
// stays silent rather than guess wildly.

/**
 * The candidate that `missing` was probably renamed to, or null when none is alike enough. Names that differ only in
 * case and separators ("user_id", "userId") are the same; others are compared by Jaro-Winkler similarity and by words.
 */
export function probableRename(missing: string, candidates: readonly string[]): string | null {
  let best: string | null = null;
  let bestScore = 0;
  for (const candidate of candidates) {
    const score = likeness(missing, candidate);
    if (score > bestScore) [best, bestScore] = [candidate, score];
  }
  return bestScore >= threshold ? best : null;
}

/** A column as it looks: what it is called, what it is, and some of its values. */
export interface ColumnLook {
  readonly name: string;
  /** In the words of the columnar engine. */
  readonly type: string;
  /** A sample, as text. */
  readonly values: readonly (string | null)[];
}

/** Which column a missing one probably is now, and why. */
export interface RenameSuspicion {
  readonly name: string;
  /** 0 to 0.99, not a probability that was ever measured: the same name in another spelling with the same values has 0.99. */
  readonly likelihood: number;
  readonly because: string;
}

/**
 * The candidate that `missing` was probably renamed to; null where none is at least 0.7 likely. The likelihood weighs the names
 * (0.6), the types (0.15) and the distributions (0.25: share of nulls, length of the texts, and what characters they are
 * made of); values that both have make it more likely by up to 0.6 of what is left to 1, and values that neither shares take nothing away:
 * tomorrow's ids are new ones.
 */
export function suspectRename(missing: ColumnLook, candidates: readonly ColumnLook[]): RenameSuspicion | null {
  const suspicions = candidates.map((candidate) => compareLooks(missing, candidate));
  const [best] = suspicions.toSorted((a, b) => b.likelihood - a.likelihood);
  return best === undefined || best.likelihood < 0.7 ? null : best;
}

function compareLooks(missing: ColumnLook, candidate: ColumnLook): RenameSuspicion {
  const name = likeness(missing.name, candidate.name);
  const type =
    missing.type === candidate.type ? 1 : numeric.test(missing.type) && numeric.test(candidate.type) ? 0.7 : 0;
  const shape = shapeLikeness(missing.values, candidate.values);
  const [known, other] = [new Set(missing.values), new Set(candidate.values)];
  for (const set of [known, other]) set.delete(null);
  const shared = [...other].filter((value) => known.has(value)).length;
  const overlap = Math.min(known.size, other.size) === 0 ? 0 : shared / Math.min(known.size, other.size);
  // Without values there is nothing to tell a distribution by: names and types share its weight.
  const base = shape === null ? 0.8 * name + 0.2 * type : 0.6 * name + 0.15 * type + 0.25 * shape;
  // Never certain: a new column may look like an old one.
  const likelihood = Math.min(0.99, Math.round((1 - (1 - base) * (1 - 0.6 * overlap)) * 100) / 100);
  const values = shape === null ? "" : `, ${shared} of ${other.size} sampled values in both`;
  return {
    name: candidate.name,
    likelihood,
    because: `name ${name.toFixed(2)}, ${missing.type} and ${candidate.type}${values}`,
  };
}

const numeric = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL\(.*\)|FLOAT|DOUBLE)$/;

/** How alike two samples are in what can be seen without knowing a value: 0 to 1; null where one has none. */
function shapeLikeness(a: readonly (string | null)[], b: readonly (string | null)[]): number | null {
  if (a.length === 0 || b.length === 0) return null;
  const [left, right] = [shapeOf(a), shapeOf(b)];
  const differences = left.map((value, position) => Math.abs(value - right[position]!));
  return 1 - differences.reduce((sum, difference) => sum + difference, 0) / differences.length;
}

/** Shares, 0 to 1: nulls; how long the texts are; digits, letters and other characters; distinct values. */
function shapeOf(values: readonly (string | null)[]): number[] {
  const texts = values.filter((value) => value !== null);
  const all = texts.join("");
  const share = (pattern: RegExp): number => (all === "" ? 0 : (all.match(pattern)?.length ?? 0) / all.length);
  const length = texts.length === 0 ? 0 : all.length / texts.length;
  return [
    1 - texts.length / values.length,
    length / (length + 16),
    share(/\p{N}/gu),
    share(/\p{L}/gu),
    share(/[^\p{N}\p{L}]/gu),
    texts.length === 0 ? 0 : new Set(texts).size / texts.length,
  ];
}

// Below this, pairs such as "quantity" and "country" begin to count as alike.
const threshold = 0.84;

function likeness(left: string, right: string): number {
  const a = wordsOf(left);
  const b = wordsOf(right);
  const [joinedA, joinedB] = [a.join(""), b.join("")];
  if (joinedA === "" || joinedB === "") return left === right ? 1 : 0;
  if (joinedA === joinedB) return 1;
  // The same words in another order ("id_user"), or one name being the other with a word more ("customer", "customer_id").
  const shared = a.filter((word) => b.includes(word)).length;
  const words =
    shared === a.length && shared === b.length
      ? 0.98
      : shared > 0 && shared === Math.min(a.length, b.length)
        ? 0.86
        : 0;
  return Math.max(words, jaroWinkler(joinedA, joinedB));
}

/** "InvoiceNo", "invoice_no" and "invoice no" are all ["invoice", "no"]. */
function wordsOf(name: string): string[] {
  return name
    .replace(/([\p{Ll}\d])(\p{Lu})/gu, "$1 $2")
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "");
}

/** Jaro-Winkler similarity, 0 to 1 (Winkler 1990), with the usual prefix weight of 0.1 over at most four letters. */
function jaroWinkler(a: string, b: string): number {
  const reach = Math.max(0, Math.floor(Math.max(a.length, b.length) / 2) - 1);
  const takenB = new Set<number>();
  const matchedA: string[] = [];
  for (let i = 0; i < a.length; i += 1) {
    for (let j = Math.max(0, i - reach); j < Math.min(b.length, i + reach + 1); j += 1) {
      if (takenB.has(j) || a[i] !== b[j]) continue;
      takenB.add(j);
      matchedA.push(a[i]!);
      break;
    }
  }
  const matches = matchedA.length;
  if (matches === 0) return 0;
  const matchedB = [...takenB].sort((x, y) => x - y).map((j) => b[j]!);
  const transpositions = matchedA.filter((letter, position) => letter !== matchedB[position]).length / 2;
  const jaro = (matches / a.length + matches / b.length + (matches - transpositions) / matches) / 3;
  let prefix = 0;
  while (prefix < 4 && prefix < a.length && a[prefix] === b[prefix]) prefix += 1;
  return jaro + prefix * 0.1 * (1 - jaro);
}
