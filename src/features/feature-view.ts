// A feature view: the features of one entity, computed from one table of events. This file checks what the user wrote
// and turns it into a definition; it computes nothing.
import { inlineSql, isSql, quoteIdentifier } from "../dataset/sql.ts";
import { SluiceError } from "../errors.ts";
import {
  pivotRest,
  pivotValues,
  type Aggregation,
  type Feature,
  type Input,
  type Pivot,
  type Ratio,
} from "./aggregation.ts";
import type { FeatureDefinition, StateDefinition, ViewDefinition } from "./definition.ts";
import { badName, isPlainName, type Entity } from "./entity.ts";

/** Whose features, over which events, and how they are computed. */
export interface FeatureViewOptions {
  readonly entity: Entity;
  /** Column with the time of the event, a TIMESTAMP WITH TIME ZONE. Events without one count for nothing. */
  readonly timestamp: string;
  /** IANA zone whose midnights begin and end the days that windows count. @default "UTC" */
  readonly timeZone?: string;
  readonly features: Readonly<Record<string, Feature>>;
}

/** What `featureView` makes: named features of one entity over events. */
export interface FeatureView {
  readonly kind: "sluice.feature-view";
  readonly name: string;
  readonly entity: Entity;
  readonly timestamp: string;
  readonly timeZone: string;
  readonly features: Readonly<Record<string, Feature>>;
  readonly definition: ViewDefinition;
  /** Columns that the events must have, apart from those used inside SQL expressions. */
  readonly columns: readonly string[];
}

/**
 * Features of an entity.
 *
 * ```ts
 * export const customerActivity = featureView("customer_activity", {
 *   entity: customer, timestamp: "invoice_date", timeZone: "Europe/London",
 *   features: { orders: countDistinct("invoice_no"), revenue_30d: sum(sql`quantity * unit_price`, { window: days(30) }) },
 * });
 * ```
 */
export function featureView(name: string, options: FeatureViewOptions): FeatureView {
  if (!isPlainName(name)) throw badName("a feature view", name);
  const timeZone = options.timeZone ?? "UTC";
  if (options.entity?.kind !== "sluice.entity")
    throw invalid(name, "has no entity", 'Make one with entity("customer", { key: … }).');
  if (typeof options.timestamp !== "string" || options.timestamp === "") {
    throw invalid(name, "has no timestamp column", "Name the column that says when an event happened.");
  }
  checkZone(name, timeZone);
  if (Object.keys(options.features ?? {}).length === 0) throw invalid(name, "has no feature", "Give it at least one.");
  const definition = defineView(name, options, timeZone);
  return Object.freeze({
    kind: "sluice.feature-view",
    name,
    entity: options.entity,
    timestamp: options.timestamp,
    timeZone,
    features: Object.freeze({ ...options.features }),
    definition,
    columns: namedColumns(options),
  });
}

/** The SQL text of an input. */
export function inputText(input: Input): string {
  return typeof input === "string" ? quoteIdentifier(input) : inlineSql(input);
}

function defineView(name: string, options: FeatureViewOptions, timeZone: string): ViewDefinition {
  const states: StateDefinition[] = [];
  const features: FeatureDefinition[] = [];
  const stateOf = (state: StateDefinition): number => {
    const text = JSON.stringify(state);
    const known = states.findIndex((other) => JSON.stringify(other) === text);
    return known >= 0 ? known : states.push(state) - 1;
  };
  const add = (feature: FeatureDefinition): void => {
    if (features.some((other) => other.name === feature.name) || feature.name === options.entity.key) {
      throw invalid(
        name,
        `has two columns named "${feature.name}"`,
        "Rename a feature; a pivot adds _<value> to its own name.",
      );
    }
    features.push(feature);
  };
  for (const [featureName, feature] of Object.entries(options.features)) {
    if (!isPlainName(featureName)) throw badName(`a feature of "${name}"`, featureName);
    if (feature?.kind === "sluice.aggregation") add(defineAggregation(name, featureName, feature, null, stateOf));
    else if (feature?.kind === "sluice.ratio") add(defineRatio(name, featureName, feature, options.features));
    else if (feature?.kind === "sluice.pivot") {
      checkPivot(name, featureName, feature);
      const by = inputText(feature.by);
      for (const value of pivotValues(feature)) {
        const bucket = { by, values: feature.values.filter((other) => other !== pivotRest), value };
        add(defineAggregation(name, `${featureName}_${value}`, feature.of, bucket, stateOf));
      }
    } else
      throw invalid(
        name,
        `has a feature "${featureName}" that is not one`,
        "Use count, sum, mean, min, max, ratio, pivot …",
      );
  }
  return Object.freeze({
    format: 1,
    view: name,
    entity: options.entity.name,
    key: options.entity.key,
    timestamp: options.timestamp,
    timeZone,
    states,
    features,
  });
}

function defineAggregation(
  view: string,
  name: string,
  aggregation: Aggregation,
  bucket: StateDefinition["bucket"],
  stateOf: (state: StateDefinition) => number,
): FeatureDefinition {
  const needsInput = aggregation.function !== "count" && aggregation.function !== "activeDays";
  if (needsInput && !isInput(aggregation.input)) {
    throw invalid(
      view,
      `has a feature "${name}" without an input`,
      `Write ${aggregation.function}("column") or ${aggregation.function}(sql\`…\`).`,
    );
  }
  if (aggregation.where !== null && !isSql(aggregation.where)) {
    throw invalid(view, `has a feature "${name}" whose where is not sql\`…\``, "Write { where: sql`quantity > 0` }.");
  }
  if (aggregation.window !== null && aggregation.window.kind !== "sluice.window") {
    throw invalid(view, `has a feature "${name}" whose window is not a number of days`, "Write { window: days(7) }.");
  }
  const window = aggregation.window?.days ?? null;
  const input = aggregation.input === null ? null : inputText(aggregation.input);
  const where = aggregation.where === null ? null : inlineSql(aggregation.where);
  const state = (name: StateDefinition["function"]): number => stateOf({ function: name, input, where, bucket });
  switch (aggregation.function) {
    case "mean":
      return { name, kind: "mean", sum: state("sum"), count: state("count"), window };
    case "activeDays":
      return { name, kind: "active-days", count: state("count"), window };
    case "countDistinct":
      return { name, kind: "merged", state: state("distinct"), window };
    default:
      return { name, kind: "merged", state: state(aggregation.function), window };
  }
}

function defineRatio(
  view: string,
  name: string,
  feature: Ratio,
  features: Readonly<Record<string, Feature>>,
): FeatureDefinition {
  // A ratio may also name one part of a pivot.
  const numbers = Object.entries(features).flatMap(([other, candidate]) => {
    const aggregation = candidate?.kind === "sluice.pivot" ? candidate.of : candidate;
    if (aggregation?.kind !== "sluice.aggregation" || aggregation.function === "min" || aggregation.function === "max")
      return [];
    return candidate.kind === "sluice.pivot" ? pivotValues(candidate).map((value) => `${other}_${value}`) : [other];
  });
  for (const part of [feature.numerator, feature.denominator]) {
    if (numbers.includes(part)) continue;
    throw invalid(
      view,
      `has a ratio "${name}" of "${part}", which is not a feature of it that is always a number`,
      numbers.length === 0 ? "It has none." : `Those are ${numbers.join(", ")}.`,
    );
  }
  return { name, kind: "ratio", numerator: feature.numerator, denominator: feature.denominator };
}

function checkPivot(view: string, name: string, feature: Pivot): void {
  if (feature.of?.kind !== "sluice.aggregation") {
    throw invalid(
      view,
      `has a pivot "${name}" of something that is not an aggregation`,
      "Write pivot(sum(…), { by, values }).",
    );
  }
  if (!isInput(feature.by)) throw invalid(view, `has a pivot "${name}" without a by`, "Name a column, or give sql`…`.");
  const { values } = feature;
  if (
    values.length === 0 ||
    values.some((value) => typeof value !== "string" || value === "") ||
    new Set(values).size < values.length
  ) {
    throw invalid(
      view,
      `has a pivot "${name}" whose values are not different, non-empty texts`,
      'Write { values: ["uk", "europe"] }.',
    );
  }
}

function namedColumns(options: FeatureViewOptions): readonly string[] {
  const inputs = Object.values(options.features).flatMap((feature) => {
    if (feature.kind === "sluice.ratio") return [];
    return feature.kind === "sluice.pivot" ? [feature.of.input, feature.by] : [feature.input];
  });
  const names = inputs.filter((input) => typeof input === "string");
  return Object.freeze([...new Set([options.entity.key, options.timestamp, ...names])]);
}

function isInput(input: unknown): input is Input {
  return (typeof input === "string" && input !== "") || isSql(input);
}

function checkZone(view: string, timeZone: string): void {
  try {
    Intl.DateTimeFormat("en", { timeZone });
  } catch {
    throw invalid(
      view,
      `has the time zone "${timeZone}", which is not one`,
      'Use an IANA name, such as "Europe/London".',
    );
  }
}

function invalid(view: string, what: string, hint: string): SluiceError {
  return new SluiceError("DEFINITION_INVALID", `The feature view "${view}" ${what}`, { hint, details: { view } });
}
