// The query behind a columnar pass: rows with their decoded values, then the words of what is broken and what is open.
import type { CompiledContract } from "./compile.ts";

/** The rows of `delivery` (cells named c0, c1 …) with everything that the contract says of them. */
export function judgedSql(compiled: CompiledContract, delivery: string): string {
  const decoded = `SELECT ${["*", ...compiled.decoded].join(", ")} FROM (${delivery})`;
  const flagged = `SELECT ${["*", ...compiled.flags].join(", ")} FROM (${decoded})`;
  const words = [
    ...compiled.masks.map((mask, word) => `${mask} AS m${word}`),
    ...compiled.open.map((mask, word) => `${mask} AS o${word}`),
  ];
  return `SELECT ${["*", ...words].join(", ")} FROM (${flagged})`;
}

/** Names of the words: of what is broken (m0 …), then of what is open (o0 …). */
export function rowWords({ masks, open }: CompiledContract): string[] {
  return [...masks.map((_, word) => `m${word}`), ...open.map((_, word) => `o${word}`)];
}

/** SQL that is true where any bit of the words is set. */
export function anyOf(name: "m" | "o", words: readonly string[]): string {
  return words.length === 0 ? "false" : `(${words.map((_, word) => `${name}${word} <> 0`).join(" OR ")})`;
}
