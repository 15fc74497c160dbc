// sluice/features: entities, feature views, and the step that materializes them.
export {
  activeDays,
  count,
  countDistinct,
  days,
  max,
  mean,
  min,
  pivot,
  ratio,
  sum,
  type Aggregation,
  type AggregationOptions,
  type Feature,
  type Input,
  type Pivot,
  type Ratio,
  type Window,
} from "./aggregation.ts";
export type {
  FeatureDefinition,
  FeatureValue,
  StateDefinition,
  StoredDefinition,
  TileState,
  ValueClass,
  ViewDefinition,
} from "./definition.ts";
export { entity, type Entity, type EntityOptions } from "./entity.ts";
export { featureView, type FeatureView, type FeatureViewOptions } from "./feature-view.ts";
export { materialize, type FeatureNeeds, type MaterializeReport } from "./materialize.ts";
export { memoryOnlineStore } from "./memory-online-store.ts";
export { offlineFeatures } from "./offline-features.ts";
export type { EntityTiles, OnlineStore, PartitionWrite, Tile, ViewStatus } from "./online-store.ts";
export { readFeatures, type EntityFeatures, type ReadOptions } from "./serve.ts";
