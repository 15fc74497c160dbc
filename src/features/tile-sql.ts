// The one query that makes a partition's tiles: for each entity and local day, the states of all features, as JSON.
import { quoteIdentifier, quoteLiteral } from "../dataset/sql.ts";
import { pivotRest } from "./aggregation.ts";
import type { StateDefinition, ViewDefinition } from "./definition.ts";

/**
 * SQL text with the columns `key`, `day`, `rows` (events) and `state` (JSON, in the order of the definition's states). Events
 * without a key or a time are left out. `types` has the type of each state's input, in the engine's words; `relation` is
 * whatever can follow FROM. For small partitions planning is most of the cost, so that the text is kept plain.
 */
export function tileSql(definition: ViewDefinition, types: readonly (string | null)[], relation: string): string {
  const computed = new Map<string, string>();
  const column: ColumnOf = (expression) => {
    const name = computed.get(expression) ?? `_${computed.size}`;
    computed.set(expression, name);
    return name;
  };
  const states = definition.states.map((state, position) => stateSql(state, types[position] ?? null, column));
  return `SELECT _key AS "key", CAST(_day AS VARCHAR) AS "day", count(*) AS "rows", CAST(json_array(${states.join(", ")}) AS VARCHAR) AS "state"
FROM (SELECT ${[...keyAndDaySql(definition), ...[...computed].map(([expression, name]) => `${expression} AS ${name}`)].join(",\n  ")}
  FROM ${relation} WHERE ${presentSql(definition)})
GROUP BY _key, _day`;
}

/** Gives an expression over one event a column of its own, the same one every time, and returns the column's name. */
type ColumnOf = (expression: string) => string;

/** An entity's key as text, and the local day of the event. */
export function keyAndDaySql(definition: Pick<ViewDefinition, "key" | "timestamp" | "timeZone">): string[] {
  return [
    `CAST(${quoteIdentifier(definition.key)} AS VARCHAR) AS _key`,
    `CAST(timezone(${quoteLiteral(definition.timeZone)}, ${quoteIdentifier(definition.timestamp)}) AS DATE) AS _day`,
  ];
}

/** True of events that belong to an entity and a day. */
export function presentSql(definition: Pick<ViewDefinition, "key" | "timestamp">): string {
  return `${quoteIdentifier(definition.key)} IS NOT NULL AND ${quoteIdentifier(definition.timestamp)} IS NOT NULL`;
}

/** A value, or null where it is NaN or infinite. `type` is the value's, in the engine's words. */
export function finiteSql(value: string, type: string): string {
  return type === "FLOAT" || type === "DOUBLE" ? `CASE WHEN isfinite(${value}) THEN ${value} END` : value;
}

/** Values as sums take them: exact, at 6 decimals, so that the order of adding can't matter. */
export function decimalSql(value: string): string {
  return `CAST(${value} AS DECIMAL(38, 6))`;
}

function stateSql(state: StateDefinition, type: string | null, column: ColumnOf): string {
  const value = state.input === null ? null : finiteSql(`(${state.input})`, type ?? "");
  const conditions = [
    ...(state.where === null ? [] : [column(`(${state.where})`)]),
    ...(state.bucket === null ? [] : [bucketSql(state.bucket, column)]),
  ];
  const filter = conditions.length === 0 ? "" : ` FILTER (WHERE ${conditions.join(" AND ")})`;
  switch (state.function) {
    case "count":
      return `count(${value === null ? "*" : column(value)})${filter}`;
    // A number in JSON would lose digits.
    case "sum":
      return `CAST(sum(${column(decimalSql(value!))})${filter} AS VARCHAR)`;
    // A histogram's keys are distinct, sorted and without null, and cost less than a sorted distinct list.
    case "distinct":
      return `map_keys(histogram(${column(type === "VARCHAR" ? value! : `CAST(${value!} AS VARCHAR)`)})${filter})`;
    case "min":
    case "max": {
      const extreme = `${state.function}(${column(value!)})${filter}`;
      return `CAST(${type === "TIMESTAMP WITH TIME ZONE" ? `epoch_us(${extreme})` : extreme} AS VARCHAR)`;
    }
  }
}

function bucketSql(bucket: NonNullable<StateDefinition["bucket"]>, column: ColumnOf): string {
  const by = column(`CAST((${bucket.by}) AS VARCHAR)`);
  if (bucket.value !== pivotRest) return `${by} = ${quoteLiteral(bucket.value)}`;
  return bucket.values.length === 0
    ? "true"
    : `coalesce(${by} NOT IN (${bucket.values.map(quoteLiteral).join(", ")}), true)`;
}
