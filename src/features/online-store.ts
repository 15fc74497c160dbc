// Port: where materialized features lie for reading by key. A store keeps the tiles of each view by the partition they
// came from, so that a partition can be replaced as a whole; it doesn't look inside a tile.
import type { StoredDefinition, TileState } from "./definition.ts";

/** The states of one entity on one local day, from one partition. */
export interface Tile {
  readonly key: string;
  /** "YYYY-MM-DD", in the view's zone. */
  readonly day: string;
  /** A TileState, as JSON text. */
  readonly state: string;
}

/** All tiles that one partition gives, to be written in one transaction. */
export interface PartitionWrite {
  readonly definition: StoredDefinition;
  /** SHA-256 of the definition: tiles of different fingerprints are never merged. */
  readonly fingerprint: string;
  /** Key of the partition the tiles came from; "" in a pipeline without partitions. */
  readonly partition: string;
  /** End of what the tiles cover, as an ISO 8601 instant in UTC. */
  readonly end: string;
  /** A write with a fence lower than the highest seen for the partition is refused with FENCED. */
  readonly fence: number;
  /** At most one per entity and day. */
  readonly tiles: readonly Tile[];
}

/** What a store holds of a view, in its newest version. */
export interface ViewStatus {
  readonly view: string;
  readonly definition: StoredDefinition;
  readonly fingerprint: string;
  /** Latest end of its partitions; null when none is materialized in the newest version. */
  readonly watermark: string | null;
  /** Partitions materialized in the newest version. */
  readonly partitions: number;
  /** Partitions that are there only in another version, and are not read. */
  readonly missing: number;
}

/** The stored day tiles of one entity, with the state of its view. */
export interface EntityTiles {
  readonly status: ViewStatus;
  readonly tiles: readonly { readonly day: string; readonly state: TileState }[];
}

/** The port: where the tiles of feature views are kept, for reading one entity at a time. */
export interface OnlineStore {
  /**
   * Replaces, in one transaction, everything that came from this partition, in whatever version, by these tiles. The
   * partition "" stands for all: writing it removes the others, and writing another removes it. The version with the
   * highest fence is the newest.
   */
  replacePartition(write: PartitionWrite): Promise<{ readonly status: ViewStatus; readonly removed: number }>;
  /** The entity's tiles in the newest version, by day, and the view's status at the same instant; null for an unknown view. */
  readEntity(view: string, key: string): Promise<EntityTiles | null>;
  /** By name. */
  views(): Promise<readonly ViewStatus[]>;
  close(): void;
}
