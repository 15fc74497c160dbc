// The type that holds every value of two types exactly. Types are in the words of the columnar engine.

const integers: readonly (readonly [string, number])[] = [
  // With the decimal digits that the widest value has.
  ["TINYINT", 3],
  ["UTINYINT", 3],
  ["SMALLINT", 5],
  ["USMALLINT", 5],
  ["INTEGER", 10],
  ["UINTEGER", 10],
  ["BIGINT", 19],
  ["UBIGINT", 20],
];
const signed = ["TINYINT", "SMALLINT", "INTEGER", "BIGINT"];
const unsigned = ["UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"];

/** The narrowest such type; VARCHAR where only text is both; null where text wouldn't read back as it was, as bytes or nested values. */
export function widerType(one: string, other: string): string | null {
  if (one === other) return one;
  return (
    widerInteger(one, other) ??
    widerDecimal(one, other) ??
    widerFloat(one, other) ??
    widerTime(one, other) ??
    ([one, other].every((type) => writesAsText.test(type)) ? "VARCHAR" : null)
  );
}

const writesAsText =
  /^(VARCHAR|BOOLEAN|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL\(.*\)|FLOAT|DOUBLE|DATE|TIME|TIMESTAMP.*|UUID|JSON)$/;

function widerInteger(one: string, other: string): string | null {
  const [a, b] = [signed.indexOf(one), signed.indexOf(other)];
  if (a >= 0 && b >= 0) return signed[Math.max(a, b)]!;
  const [c, d] = [unsigned.indexOf(one), unsigned.indexOf(other)];
  if (c >= 0 && d >= 0) return unsigned[Math.max(c, d)]!;
  // An unsigned one needs the next signed one.
  const mixed = Math.max(a, b, Math.max(c, d) + 1);
  if ((a >= 0 || b >= 0) && (c >= 0 || d >= 0)) return signed[mixed] ?? "DECIMAL(20,0)";
  return null;
}

function widerDecimal(one: string, other: string): string | null {
  const [a, b] = [digitsOf(one), digitsOf(other)];
  if (a === null || b === null || (a.scale === null && b.scale === null)) return null;
  const scale = Math.max(a.scale ?? 0, b.scale ?? 0);
  const precision = Math.max(a.whole, b.whole) + scale;
  return precision <= 38 ? `DECIMAL(${precision},${scale})` : null;
}

function digitsOf(type: string): { readonly whole: number; readonly scale: number | null } | null {
  const decimal = /^DECIMAL\((\d+),\s*(\d+)\)$/.exec(type);
  if (decimal !== null) return { whole: Number(decimal[1]) - Number(decimal[2]), scale: Number(decimal[2]) };
  const integer = integers.find(([name]) => name === type);
  return integer === undefined ? null : { whole: integer[1], scale: null };
}

function widerFloat(one: string, other: string): string | null {
  const types = [one, other];
  if (!types.some((type) => type === "DOUBLE" || type === "FLOAT")) return null;
  // A double holds whole numbers up to 2^53, a float up to 2^24.
  const holds = (type: string): boolean =>
    ["DOUBLE", "FLOAT", "TINYINT", "UTINYINT", "SMALLINT", "USMALLINT", "INTEGER", "UINTEGER"].includes(type);
  return types.every(holds) ? "DOUBLE" : null;
}

function widerTime(one: string, other: string): string | null {
  const types = new Set([one, other]);
  // A date is the midnight of a time without a zone; which instant that is, no type says.
  if (types.has("DATE") && types.has("TIMESTAMP")) return "TIMESTAMP";
  return null;
}
