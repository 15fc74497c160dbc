// The step that brings a feature view up to date from one partition's rows: one query over the dataset makes the tiles,
// one transaction of the online store puts them in the place of those the partition had before.
import type { Dataset } from "../dataset/dataset.ts";
import type { Session } from "../dataset/session.ts";
import { readDataset } from "../dataset/write-dataset.ts";
import { SluiceError } from "../errors.ts";
import { contentHash, type Json } from "../json.ts";
import type { StepContext, StepHandle, StepSpec } from "../pipeline/step.ts";
import type { FeatureView } from "./feature-view.ts";
import { checkColumns, explained, inputTypes, storedDefinition } from "./input-types.ts";
import type { OnlineStore, Tile } from "./online-store.ts";
import { tileSql } from "./tile-sql.ts";

/** What features must be handed at run time. */
export interface FeatureNeeds {
  readonly session: () => Promise<Session>;
  readonly online: OnlineStore;
}

/** What a materialize step did, and with which version of the view. */
export interface MaterializeReport {
  readonly kind: "materialize-report";
  readonly view: string;
  /** Version of the view these tiles belong to: a hash of its definition. */
  readonly fingerprint: string;
  /** "" in a pipeline without partitions. */
  readonly partition: string;
  /** Different entities in the rows. */
  readonly entities: number;
  /** Written: one per entity and local day. */
  readonly tiles: number;
  /** Tiles of an earlier run that these replaced. */
  readonly replaced: number;
  /** Rows without a key or a time, which are no features. */
  readonly skipped: number;
  /** Of the view, after this: ISO 8601 in UTC. */
  readonly watermark: string;
  /** Partitions the view is made of, and how many wait to be materialized again since it was changed. */
  readonly partitions: { readonly materialized: number; readonly missing: number };
}

/**
 * A step that materializes `view` from the rows of a dataset. Doing it again changes nothing; partitions may come in any
 * order; a row that belongs to another day than its partition counts on its own day. Without partitions it replaces the
 * whole view.
 *
 * ```ts
 * step("features", materialize(customerActivity, { from: clean }));
 * ```
 */
export function materialize(
  view: FeatureView,
  options: { readonly from: StepHandle<Dataset> },
): StepSpec<MaterializeReport, FeatureNeeds> {
  if (view?.kind !== "sluice.feature-view") {
    throw new SluiceError("DEFINITION_INVALID", "materialize was given something that is not a feature view", {
      hint: 'Make one with featureView("name", { entity, timestamp, features }).',
    });
  }
  return {
    kind: "materialize",
    inputs: { from: options.from },
    config: { view: view.definition as unknown as Json },
    execute: async (context, needs) => {
      const dataset = context.inputs["from"] as Dataset;
      const report = await materializePartition(view, dataset, context, needs);
      return {
        output: report,
        rows: { in: dataset.rows, out: dataset.rows - report.skipped, duplicate: 0, quarantined: 0 },
        assets: [`features.${view.name}`],
      };
    },
  };
}

async function materializePartition(
  view: FeatureView,
  dataset: Dataset,
  context: StepContext,
  needs: FeatureNeeds,
): Promise<MaterializeReport> {
  checkColumns(view, dataset.columns);
  const session = await needs.session();
  session.expect(dataset.rows);
  const types = await inputTypes(view, dataset, session);
  const definition = storedDefinition(view, types);
  const query = tileSql(definition, types, readDataset(dataset));
  const rows = dataset.rows === 0 ? [] : await explained(view, dataset, () => session.rows(query));
  const tiles = rows as unknown as (Tile & { readonly rows: string })[];
  const skipped = dataset.rows - tiles.reduce((sum, tile) => sum + Number(tile.rows), 0);
  if (skipped > 0) {
    context.log.info(
      `${skipped} of ${dataset.rows} rows have no ${view.entity.key} or no ${view.timestamp}: they are no features`,
    );
  }
  const fingerprint = contentHash(definition);
  const partition = context.partition?.key ?? "";
  context.signal.throwIfAborted();
  const { status, removed } = await needs.online.replacePartition({
    definition,
    fingerprint,
    partition,
    end: context.partition?.end ?? new Date(context.clock.now()).toISOString(),
    fence: context.fence,
    tiles,
  });
  warnOfVersions(view, fingerprint, status, context);
  return {
    kind: "materialize-report",
    view: view.name,
    fingerprint,
    partition,
    entities: new Set(tiles.map((tile) => tile.key)).size,
    tiles: tiles.length,
    replaced: removed,
    skipped,
    watermark: status.watermark ?? "",
    partitions: { materialized: status.partitions, missing: status.missing },
  };
}

function warnOfVersions(
  view: FeatureView,
  fingerprint: string,
  status: { readonly fingerprint: string; readonly missing: number },
  context: StepContext,
): void {
  if (status.fingerprint !== fingerprint) {
    context.log.warn(
      `The feature view ${view.name} has been materialized in a newer version since; these features are not read`,
    );
  } else if (status.missing > 0) {
    context.log.warn(
      `The feature view ${view.name} was changed: ${status.missing} partitions of another version are not read until they are materialized again`,
    );
  }
}
