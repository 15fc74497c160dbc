// Reading an entity's features online: its tiles, merged as of an instant. It needs the store alone, neither the code that
// defined the view nor the columnar engine. "As of" is about the time of events: rows that came late count where they belong.
import { SluiceError } from "../errors.ts";
import { instantOf, openDay } from "./day.ts";
import type { FeatureValue } from "./definition.ts";
import { mergeTiles } from "./merge.ts";
import type { OnlineStore } from "./online-store.ts";

/** As of when features are read. */
export interface ReadOptions {
  /**
   * Features as they stood at this instant: only days of the view's zone that had ended by then count, so nothing of the
   * future and no half-known day. @default the view's watermark
   */
  readonly asOf?: string | Date;
}

/** The features of one entity at an instant, and how far its view is materialized. */
export interface EntityFeatures {
  readonly view: string;
  readonly entity: string;
  readonly key: string;
  /** The instant that was used, ISO 8601 in UTC. */
  readonly asOf: string;
  /** End of the newest materialized partition, ISO 8601 in UTC. */
  readonly watermark: string;
  /** Partitions these features are made of, and how many wait to be materialized again since the view was changed. */
  readonly partitions: { readonly materialized: number; readonly missing: number };
  readonly features: Readonly<Record<string, FeatureValue>>;
}

/**
 * The features of the entity with this key, or null when no event of its had come to count by `asOf`. A view that isn't
 * in the store is NOT_FOUND; an `asOf` that is no instant is USAGE.
 */
export async function readFeatures(
  store: OnlineStore,
  view: string,
  key: string | number | bigint,
  options: ReadOptions = {},
): Promise<EntityFeatures | null> {
  const wanted = options.asOf === undefined ? null : instantOf(options.asOf);
  const found = await store.readEntity(view, String(key));
  if (found === null) throw await unknownView(store, view);
  const { status, tiles } = found;
  if (status.watermark === null) return null;
  const asOf = wanted ?? Date.parse(status.watermark);
  const features = mergeTiles(status.definition, tiles, openDay(asOf, status.definition.timeZone));
  if (features === null) return null;
  return {
    view,
    entity: status.definition.entity,
    key: String(key),
    asOf: new Date(asOf).toISOString(),
    watermark: status.watermark,
    partitions: { materialized: status.partitions, missing: status.missing },
    features,
  };
}

async function unknownView(store: OnlineStore, view: string): Promise<SluiceError> {
  const known = (await store.views()).map((status) => status.view);
  return new SluiceError("NOT_FOUND", `No feature view "${view}" has been materialized`, {
    hint: known.length === 0 ? "Run a pipeline with a materialize step first." : `There is ${known.join(", ")}.`,
    details: { view, known },
  });
}
