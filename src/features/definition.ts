// A feature view as data: what is stored beside its tiles, so that they can be read without the code that made them.

/** The small mergeable results that a tile holds. Features that differ only in their window share one. */
export interface StateDefinition {
  readonly function: "count" | "sum" | "distinct" | "min" | "max";
  /** SQL text of what is aggregated; null: the event itself. */
  readonly input: string | null;
  /** SQL text of the condition. */
  readonly where: string | null;
  /** Only the events that a pivot puts under `value`. */
  readonly bucket: { readonly by: string; readonly values: readonly string[]; readonly value: string } | null;
}

/** How a feature comes from states; positions are into `states`, windows are complete local days, null for all. */
export type FeatureDefinition =
  | { readonly name: string; readonly kind: "merged"; readonly state: number; readonly window: number | null }
  | {
      readonly name: string;
      readonly kind: "mean";
      readonly sum: number;
      readonly count: number;
      readonly window: number | null;
    }
  | { readonly name: string; readonly kind: "active-days"; readonly count: number; readonly window: number | null }
  | { readonly name: string; readonly kind: "ratio"; readonly numerator: string; readonly denominator: string };

/** All of a view's definition that decides what its tiles mean, as plain data; its hash is the view's version. */
export interface ViewDefinition {
  /** Grows when the form of the stored states changes. */
  readonly format: 1;
  readonly view: string;
  readonly entity: string;
  readonly key: string;
  readonly timestamp: string;
  readonly timeZone: string;
  readonly states: readonly StateDefinition[];
  readonly features: readonly FeatureDefinition[];
}

/** What a smallest or largest value is: it decides how two are compared. */
export type ValueClass = "number" | "text" | "time";

/** A definition together with what only the data could tell. */
export interface StoredDefinition extends ViewDefinition {
  /** Class of each state's value, by position; null where it doesn't matter. */
  readonly classes: readonly (ValueClass | null)[];
}

/** A tile's states, as they lie in JSON: counts, sums as decimal text, sets as lists of text, extremes as text. */
export type TileState = readonly (number | string | readonly string[] | null)[];

/** The value of a feature, as it is served. Instants are ISO 8601 in UTC. */
export type FeatureValue = number | string | null;
