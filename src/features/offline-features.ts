// The features of all entities as of an instant, as one query over the events themselves. It goes nowhere near tiles: that
// it agrees with the online read, number for number, is what a test proves.
import { inlineSql, quoteIdentifier, quoteLiteral } from "../dataset/sql.ts";
import { pivotRest, pivotValues, type Aggregation } from "./aggregation.ts";
import { daysBefore, instantOf, openDay } from "./day.ts";
import { inputText, type FeatureView } from "./feature-view.ts";
import { decimalSql, keyAndDaySql, presentSql } from "./tile-sql.ts";

/**
 * SQL text (DuckDB) with a row per entity: its key, then a column per feature. `relation` is whatever can follow FROM: a
 * table, `read_parquet(…)`, a query in parentheses. Only days that had ended at `asOf` count.
 */
export function offlineFeatures(view: FeatureView, relation: string, asOf: string | Date): string {
  const today = openDay(instantOf(asOf), view.timeZone);
  const computed: string[] = [];
  const ratios: string[] = [];
  for (const [name, feature] of Object.entries(view.features)) {
    if (feature.kind === "sluice.ratio") {
      const [above, below] = [feature.numerator, feature.denominator].map(
        (part) => `CAST(${quoteIdentifier(part)} AS DOUBLE)`,
      );
      ratios.push(`CASE WHEN ${below} = 0 THEN NULL ELSE ${above} / ${below} END AS ${quoteIdentifier(name)}`);
    } else if (feature.kind === "sluice.pivot") {
      const by = bucketSql(
        inputText(feature.by),
        feature.values.filter((value) => value !== pivotRest),
      );
      for (const value of pivotValues(feature)) {
        computed.push(
          `${aggregateSql(feature.of, today, [`${by} = ${quoteLiteral(value)}`])} AS ${quoteIdentifier(`${name}_${value}`)}`,
        );
      }
    } else {
      computed.push(`${aggregateSql(feature, today, [])} AS ${quoteIdentifier(name)}`);
    }
  }
  const key = quoteIdentifier(view.entity.key);
  const source = { key: view.entity.key, timestamp: view.timestamp, timeZone: view.timeZone };
  const names = view.definition.features.map((feature) => quoteIdentifier(feature.name));
  return `SELECT ${[key, ...names].join(", ")} FROM (SELECT *${ratios.map((ratio) => `,\n  ${ratio}`).join("")} FROM (
  SELECT ${[`_key AS ${key}`, ...computed].join(",\n    ")}
  FROM (SELECT *, ${keyAndDaySql(source).join(", ")} FROM ${relation} WHERE ${presentSql(source)})
  WHERE _day < DATE ${quoteLiteral(today)} GROUP BY _key))`;
}

function aggregateSql(aggregation: Aggregation, today: string, conditions: readonly string[]): string {
  const all = [
    ...conditions,
    ...(aggregation.where === null ? [] : [`(${inlineSql(aggregation.where)})`]),
    ...(aggregation.window === null
      ? []
      : [`_day >= DATE ${quoteLiteral(daysBefore(today, aggregation.window.days))}`]),
  ];
  const filter = all.length === 0 ? "" : ` FILTER (WHERE ${all.join(" AND ")})`;
  const value = aggregation.input === null ? "*" : finiteSql(`(${inputText(aggregation.input)})`);
  const total = `sum(${decimalSql(value)})${filter}`;
  switch (aggregation.function) {
    case "count":
      return `count(${value})${filter}`;
    case "countDistinct":
      return `count(DISTINCT CAST(${value} AS VARCHAR))${filter}`;
    case "sum":
      return nearestDouble(`coalesce(${total}, 0)`);
    case "mean":
      return `${nearestDouble(total)} / count(${value})${filter}`;
    case "activeDays":
      return `count(DISTINCT _day)${filter}`;
    default:
      return `${aggregation.function}(${value})${filter}`;
  }
}

/** Rounds once, as reading the decimal's text does; a direct cast divides two rounded numbers. */
function nearestDouble(decimal: string): string {
  return `CAST(CAST(${decimal} AS VARCHAR) AS DOUBLE)`;
}

/** A value, or null where it is NaN or infinite, whatever its type: the engine folds `typeof` away. */
function finiteSql(value: string): string {
  return `CASE WHEN typeof(${value}) IN ('FLOAT', 'DOUBLE') AND NOT isfinite(TRY_CAST(${value} AS DOUBLE)) THEN NULL ELSE ${value} END`;
}

/** The pivot's value of an event: one of the listed ones, or the rest. */
function bucketSql(by: string, values: readonly string[]): string {
  if (values.length === 0) return quoteLiteral(pivotRest);
  const text = `CAST((${by}) AS VARCHAR)`;
  return `CASE WHEN ${text} IN (${values.map(quoteLiteral).join(", ")}) THEN ${text} ELSE ${quoteLiteral(pivotRest)} END`;
}
