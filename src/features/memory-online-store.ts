// The online store in memory, for tests and for trying things out. It keeps nothing when the process ends.
import { SluiceError } from "../errors.ts";
import type { OnlineStore, PartitionWrite, Tile, ViewStatus } from "./online-store.ts";

interface StoredPartition {
  readonly fence: number;
  /** Null once it was removed by a write of the whole: only its fence counts. */
  readonly content: { readonly fingerprint: string; readonly end: string; readonly tiles: readonly Tile[] } | null;
}

interface StoredView {
  newest: Pick<PartitionWrite, "definition" | "fingerprint" | "fence">;
  readonly partitions: Map<string, StoredPartition>;
}

/** An empty online store. */
export function memoryOnlineStore(): OnlineStore {
  const stored = new Map<string, StoredView>();
  return {
    replacePartition: async (write) => {
      const name = write.definition.view;
      const view = stored.get(name) ?? { newest: write, partitions: new Map<string, StoredPartition>() };
      const replaced = [...view.partitions].filter(
        ([key]) => key === write.partition || key === "" || write.partition === "",
      );
      const seen = Math.max(...replaced.map(([, partition]) => partition.fence), 0);
      if (write.fence < seen) throw fenced(name, write, seen);
      if (new Set(write.tiles.map((tile) => JSON.stringify([tile.key, tile.day]))).size < write.tiles.length) {
        throw new SluiceError(
          "INTERNAL",
          `Two tiles of one entity and day were to be written to the feature view ${name}`,
        );
      }
      stored.set(name, view);
      for (const [key, partition] of replaced) view.partitions.set(key, { fence: partition.fence, content: null });
      view.partitions.set(write.partition, { fence: write.fence, content: write });
      if (write.fence >= view.newest.fence) view.newest = write;
      return {
        status: statusOf(name, view),
        removed: replaced.reduce((sum, [, partition]) => sum + (partition.content?.tiles.length ?? 0), 0),
      };
    },
    readEntity: async (name, key) => {
      const view = stored.get(name);
      if (view === undefined) return null;
      const tiles = current(view).flatMap((content) => content.tiles.filter((tile) => tile.key === key));
      return {
        status: statusOf(name, view),
        tiles: tiles
          .map(({ day, state }) => ({ day, state: JSON.parse(state) }))
          .sort((a, b) => (a.day < b.day ? -1 : a.day > b.day ? 1 : 0)),
      };
    },
    views: async () =>
      [...stored].map(([name, view]) => statusOf(name, view)).sort((a, b) => (a.view < b.view ? -1 : 1)),
    close: () => {},
  };
}

function contents(view: StoredView) {
  return [...view.partitions.values()].flatMap(({ content }) => (content === null ? [] : [content]));
}

function current(view: StoredView) {
  return contents(view).filter((content) => content.fingerprint === view.newest.fingerprint);
}

function statusOf(name: string, view: StoredView): ViewStatus {
  const read = current(view);
  return {
    view: name,
    definition: view.newest.definition,
    fingerprint: view.newest.fingerprint,
    watermark:
      read
        .map((content) => content.end)
        .sort()
        .at(-1) ?? null,
    partitions: read.length,
    missing: contents(view).length - read.length,
  };
}

function fenced(view: string, write: PartitionWrite, seen: number): SluiceError {
  const which = write.partition === "" ? "" : `, partition ${write.partition},`;
  return new SluiceError("FENCED", `The feature view ${view}${which} was materialized by a newer attempt`, {
    hint: "Nothing was written; the newer attempt's features stand.",
    details: { view, partition: write.partition, fence: write.fence, seen },
  });
}
