// The step that brings a feature view up to date from one partition's rows: one query over the dataset makes the tiles,
// one transaction of the online store puts them in the place of those the partition had before.
import type { Column, Dataset } from "../dataset/dataset.ts";
import { probableRename } from "../dataset/rename-suspicion.ts";
import type { Session } from "../dataset/session.ts";
import { quoteIdentifier } from "../dataset/sql.ts";
import { readDataset } from "../dataset/write-dataset.ts";
import { isSluiceError, SluiceError } from "../errors.ts";
import { contentHash, type Json } from "../json.ts";
import type { StepContext, StepHandle, StepSpec } from "../pipeline/step.ts";
import type { StoredDefinition, ValueClass } from "./definition.ts";
import type { FeatureView } from "./feature-view.ts";
import type { OnlineStore, Tile } from "./online-store.ts";
import { tileSql } from "./tile-sql.ts";

/** What features must be handed at run time. */
export interface FeatureNeeds {
  readonly session: () => Promise<Session>;
  readonly online: OnlineStore;
}

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
  const definition = await storedDefinition(view, dataset, session);
  const rows = await explained(view, dataset, () => session.rows(tileSql(definition, readDataset(dataset))));
  const tiles = rows as unknown as (Tile & { readonly rows: number })[];
  const skipped = dataset.rows - tiles.reduce((sum, tile) => sum + tile.rows, 0);
  if (skipped > 0) {
    context.log.info(`${skipped} of ${dataset.rows} rows have no ${view.entity.key} or no ${view.timestamp}: they are no features`);
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
    context.log.warn(`The feature view ${view.name} has been materialized in a newer version since; these features are not read`);
  } else if (status.missing > 0) {
    context.log.warn(
      `The feature view ${view.name} was changed: ${status.missing} partitions of another version are not read until they are materialized again`,
    );
  }
}

/** The named columns must be there, the time must be an instant, and sums need numbers; SQL expressions say it themselves. */
function checkColumns(view: FeatureView, columns: readonly Column[]): void {
  const find = (name: string) => columns.find((column) => column.name.toLowerCase() === name.toLowerCase());
  for (const name of view.columns) if (find(name) === undefined) throw missingColumn(view, name, columns);
  const time = find(view.timestamp)!;
  if (time.type !== "TIMESTAMP WITH TIME ZONE") {
    throw mismatch(view, `needs ${view.timestamp} as TIMESTAMP WITH TIME ZONE, and it is ${time.type}`,
      `Say which zone it is of, for example: timezone('${view.timeZone}', ${view.timestamp}).`);
  }
  for (const { function: name, input } of view.definition.states) {
    const column = name === "sum" && input !== null ? columns.find((one) => quoteIdentifier(one.name) === input) : undefined;
    if (column !== undefined && !numeric.test(column.type)) {
      throw mismatch(view, `sums ${column.name}, which is ${column.type}`, "Sum a number, or cast it: sum(sql`CAST(… AS DECIMAL(18, 2))`).");
    }
  }
}

const numeric = /^(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|FLOAT|DOUBLE|DECIMAL.*)$/;

// The builder makes a spec for every run, but the view is one object for as long as its module is loaded.
const classesByView = new WeakMap<FeatureView, Map<string, readonly (ValueClass | null)[]>>();

/** The definition with the class of each smallest and largest value; asks the engine once per view and set of columns. */
async function storedDefinition(view: FeatureView, dataset: Dataset, session: Session): Promise<StoredDefinition> {
  const known = classesByView.get(view) ?? new Map<string, readonly (ValueClass | null)[]>();
  classesByView.set(view, known);
  const columns = JSON.stringify(dataset.columns);
  let classes = known.get(columns);
  if (classes === undefined) {
    classes = await valueClasses(view, dataset, session);
    known.set(columns, classes);
  }
  return { ...view.definition, classes };
}

async function valueClasses(view: FeatureView, dataset: Dataset, session: Session): Promise<readonly (ValueClass | null)[]> {
  const { states } = view.definition;
  const extremes = states.filter((state) => state.function === "min" || state.function === "max");
  if (extremes.length === 0) return states.map(() => null);
  const inputs = extremes.map((state, position) => `(${state.input}) AS _${position}`);
  const types = await explained(view, dataset, () => session.describe(`SELECT ${inputs.join(", ")} FROM ${readDataset(dataset)}`));
  return states.map((state) => {
    const position = extremes.indexOf(state);
    return position < 0 ? null : valueClass(view, state.function, state.input!, types[position]!.type);
  });
}

function valueClass(view: FeatureView, name: string, input: string, type: string): ValueClass {
  if (numeric.test(type)) return "number";
  if (type === "TIMESTAMP WITH TIME ZONE") return "time";
  if (type === "VARCHAR" || type === "DATE") return "text";
  throw mismatch(view, `can't take the ${name} of ${input}, which is ${type}`, "Numbers, texts, dates and times with a zone can be compared.");
}

/** Runs a query; a column that one of the view's expressions names in vain becomes a CONTRACT_MISMATCH. */
async function explained<T>(view: FeatureView, dataset: Dataset, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const missing = isSluiceError(error) ? /Referenced column "(.+?)" not found/.exec(error.message)?.[1] : undefined;
    throw missing === undefined ? error : missingColumn(view, missing, dataset.columns);
  }
}

function missingColumn(view: FeatureView, name: string, columns: readonly Column[]): SluiceError {
  const names = columns.map((column) => column.name);
  const renamed = probableRename(name, names);
  return mismatch(view, `reads the column "${name}", which the dataset does not have`,
    renamed === null ? `It has ${names.join(", ")}.` : `Was it renamed to "${renamed}"?`);
}

function mismatch(view: FeatureView, what: string, hint: string): SluiceError {
  return new SluiceError("CONTRACT_MISMATCH", `The feature view ${view.name} ${what}`, { hint, details: { view: view.name } });
}
