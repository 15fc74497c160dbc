// Values of a query's result as JSON: a number where JavaScript holds it exactly, else a string; times in ISO 8601, those
// with a zone in UTC.
import { DuckDBTypeId, JsonDuckDBValueConverter, type DuckDBValueConverter, type Json } from "@duckdb/node-api";

export const jsonValue: DuckDBValueConverter<Json> = (value, type, converter) => {
  if (value === null) return null;
  switch (type.typeId) {
    case DuckDBTypeId.BIGINT:
    case DuckDBTypeId.UBIGINT:
    case DuckDBTypeId.HUGEINT:
    case DuckDBTypeId.UHUGEINT:
    case DuckDBTypeId.DECIMAL:
      return exactNumber(String(value));
    case DuckDBTypeId.TIMESTAMP_TZ:
      return instantText((value as { readonly micros: bigint }).micros) ?? String(value);
    case DuckDBTypeId.TIMESTAMP:
    case DuckDBTypeId.TIMESTAMP_S:
    case DuckDBTypeId.TIMESTAMP_MS:
    case DuckDBTypeId.TIMESTAMP_NS:
      return String(value).replace(" ", "T");
    default:
      return JsonDuckDBValueConverter(value, type, converter);
  }
};

/** The number that the digits say, or the digits when no number is exactly that. */
export function exactNumber(digits: string): number | string {
  const value = Number(digits);
  const shortest = digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
  return String(value) === shortest || (value === 0 && /^-?0$/.test(shortest)) ? value : digits;
}

/** Microseconds since the epoch as "2011-01-04T10:00:00Z", with a fraction where there is one; null beyond the range of dates. */
function instantText(micros: bigint): string | null {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const date = new Date(Number((micros - fraction) / 1_000n));
  if (Number.isNaN(date.getTime())) return null;
  const seconds = date.toISOString().replace(/\.000Z$/, "");
  return fraction === 0n ? `${seconds}Z` : `${seconds}.${String(fraction).padStart(6, "0").replace(/0+$/, "")}Z`;
}
