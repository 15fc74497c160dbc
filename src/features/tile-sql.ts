// The one query that makes a partition's tiles: for each entity and local day, the states of all features, as JSON.
import { quoteIdentifier, quoteLiteral } from "../dataset/sql.ts";
import { pivotRest } from "./aggregation.ts";
import type { StateDefinition, StoredDefinition, ValueClass } from "./definition.ts";

/**
 * SQL text with the columns `key`, `day`, `rows` (events) and `state` (JSON, in the order of the definition's states). Events
 * without a key or a time are left out. `relation` is whatever can follow FROM.
 */
export function tileSql(definition: StoredDefinition, relation: string): string {
  const inner = new Map<string, { readonly name: string; readonly expression: string }>();
  const column = (prefix: string, expression: string): string => {
    // The same text may be an input here and a condition there.
    const known = inner.get(prefix + expression);
    if (known !== undefined) return known.name;
    const name = `_${prefix}${inner.size}`;
    inner.set(prefix + expression, { name, expression });
    return name;
  };
  const states = definition.states.map((state, position) => stateSql(state, definition.classes[position] ?? null, column));
  const computed = [...inner.values()].map(({ name, expression }) => `${expression} AS ${name}`);
  // Inputs are cleaned one level up, so that each expression of the user's is written, and computed, once.
  const cleaned = [...inner.values()].map(({ name }) => (name.startsWith("_v") ? `${finiteSql(name)} AS ${name}` : name));
  return `SELECT _key AS "key", CAST(_day AS VARCHAR) AS "day", CAST(count(*) AS DOUBLE) AS "rows",
  CAST(json_array(${states.join(", ")}) AS VARCHAR) AS "state"
FROM (SELECT ${["_key", "_day", ...cleaned].join(", ")} FROM (
  SELECT ${[...keyAndDaySql(definition), ...computed].join(",\n    ")}
  FROM ${relation} WHERE ${presentSql(definition)}))
GROUP BY _key, _day`;
}

/** An entity's key as text, and the local day of the event. */
export function keyAndDaySql(definition: Pick<StoredDefinition, "key" | "timestamp" | "timeZone">): string[] {
  return [
    `CAST(${quoteIdentifier(definition.key)} AS VARCHAR) AS _key`,
    `CAST(timezone(${quoteLiteral(definition.timeZone)}, ${quoteIdentifier(definition.timestamp)}) AS DATE) AS _day`,
  ];
}

/** True of events that belong to an entity and a day. */
export function presentSql(definition: Pick<StoredDefinition, "key" | "timestamp">): string {
  return `${quoteIdentifier(definition.key)} IS NOT NULL AND ${quoteIdentifier(definition.timestamp)} IS NOT NULL`;
}

/** A value, or null where it is NaN or infinite. Fits a value of any type: the engine folds `typeof` away. */
export function finiteSql(value: string): string {
  return `CASE WHEN typeof(${value}) IN ('FLOAT', 'DOUBLE') AND NOT isfinite(TRY_CAST(${value} AS DOUBLE)) THEN NULL ELSE ${value} END`;
}

/** Values as sums take them: exact, at 6 decimals, so that the order of adding can't matter. */
export function decimalSql(value: string): string {
  return `CAST(${value} AS DECIMAL(38, 6))`;
}

/** The pivot's value of an event: one of the listed ones, or the rest. */
export function bucketSql(by: string, values: readonly string[]): string {
  if (values.length === 0) return quoteLiteral(pivotRest);
  const text = `CAST((${by}) AS VARCHAR)`;
  return `CASE WHEN ${text} IN (${values.map(quoteLiteral).join(", ")}) THEN ${text} ELSE ${quoteLiteral(pivotRest)} END`;
}

function stateSql(
  state: StateDefinition,
  valueClass: ValueClass | null,
  column: (prefix: string, expression: string) => string,
): string {
  const value = state.input === null ? null : column("v", `(${state.input})`);
  const conditions = [
    ...(state.where === null ? [] : [column("w", `(${state.where})`)]),
    ...(state.bucket === null
      ? []
      : [`${column("b", bucketSql(state.bucket.by, state.bucket.values))} = ${quoteLiteral(state.bucket.value)}`]),
  ];
  const filter = conditions.length === 0 ? "" : ` FILTER (WHERE ${conditions.join(" AND ")})`;
  switch (state.function) {
    case "count": return `count(${value ?? "*"})${filter}`;
    // A number in JSON would lose digits.
    case "sum": return `CAST(sum(${decimalSql(value!)})${filter} AS VARCHAR)`;
    // A histogram's keys are distinct, sorted and without null, and cost less than a sorted distinct list.
    case "distinct": return `map_keys(histogram(CAST(${value!} AS VARCHAR))${filter})`;
    case "min":
    case "max": {
      const extreme = `${state.function}(${value!})${filter}`;
      return `CAST(${valueClass === "time" ? `epoch_us(${extreme})` : extreme} AS VARCHAR)`;
    }
  }
}
