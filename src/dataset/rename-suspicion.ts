// Guesses which present column is a missing one under a new name. It compares names only, never values, and stays
// silent rather than guess wildly.

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
