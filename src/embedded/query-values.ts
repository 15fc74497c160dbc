// Values of a query's result as JSON: an integer is a number where JavaScript holds it exactly, else a string; a decimal is
// a string, with every digit it has; times are in ISO 8601, those with a zone in UTC.
import { DuckDBTypeId, JsonDuckDBValueConverter, type DuckDBValueConverter, type Json } from "@duckdb/node-api";

export const jsonValue: DuckDBValueConverter<Json> = (value, type, converter) => {
  if (value === null) return null;
  switch (type.typeId) {
    case DuckDBTypeId.BIGINT:
    case DuckDBTypeId.UBIGINT:
    case DuckDBTypeId.HUGEINT:
    case DuckDBTypeId.UHUGEINT:
      return exactInteger(value as bigint);
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

/** The number where it is exact, else the digits. */
function exactInteger(value: bigint): number | string {
  const near = Number(value);
  return Number.isSafeInteger(near) ? near : String(value);
}

/** Microseconds since the epoch as "2011-01-04T10:00:00Z", with a fraction where there is one; null beyond the range of dates. */
function instantText(micros: bigint): string | null {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const date = new Date(Number((micros - fraction) / 1_000n));
  if (Number.isNaN(date.getTime())) return null;
  const seconds = date.toISOString().replace(/\.000Z$/, "");
  return fraction === 0n ? `${seconds}Z` : `${seconds}.${String(fraction).padStart(6, "0").replace(/0+$/, "")}Z`;
}
