// Does a dataset fit a feature view, and of what types are the view's inputs in it? Whatever doesn't fit is a
// CONTRACT_MISMATCH of one line.
import type { Column, Dataset } from "../dataset/dataset.ts";
import { probableRename } from "../dataset/rename-suspicion.ts";
import type { Session } from "../dataset/session.ts";
import { readDataset } from "../dataset/write-dataset.ts";
import { isSluiceError, SluiceError } from "../errors.ts";
import type { StoredDefinition, ValueClass } from "./definition.ts";
import type { FeatureView } from "./feature-view.ts";

/** The columns that are named must be there, and the time must be an instant. */
export function checkColumns(view: FeatureView, columns: readonly Column[]): void {
  const find = (name: string) => columns.find((column) => column.name.toLowerCase() === name.toLowerCase());
  for (const name of view.columns) if (find(name) === undefined) throw missingColumn(view, name, columns);
  const time = find(view.timestamp)!;
  if (time.type !== "TIMESTAMP WITH TIME ZONE") {
    throw mismatch(
      view,
      `needs ${view.timestamp} as TIMESTAMP WITH TIME ZONE, and it is ${time.type}`,
      `Say which zone it is of, for example: timezone('${view.timeZone}', ${view.timestamp}).`,
    );
  }
}

// The builder makes a spec for every run, but the view is one object for as long as its module is loaded.
const known = new WeakMap<FeatureView, Map<string, readonly (string | null)[]>>();

/** The type of each state's input, null where it has none; the engine is asked once per view and set of columns. */
export async function inputTypes(
  view: FeatureView,
  dataset: Dataset,
  session: Session,
): Promise<readonly (string | null)[]> {
  const byColumns = known.get(view) ?? new Map<string, readonly (string | null)[]>();
  known.set(view, byColumns);
  const columns = JSON.stringify(dataset.columns);
  const types = byColumns.get(columns) ?? (await describeInputs(view, dataset, session));
  byColumns.set(columns, types);
  return types;
}

async function describeInputs(
  view: FeatureView,
  dataset: Dataset,
  session: Session,
): Promise<readonly (string | null)[]> {
  const { states } = view.definition;
  const inputs = [...new Set(states.flatMap(({ input }) => (input === null ? [] : [input])))];
  if (inputs.length === 0) return states.map(() => null);
  const select = `SELECT ${inputs.map((input, position) => `(${input}) AS _${position}`).join(", ")} FROM ${readDataset(dataset)}`;
  const columns = await explained(view, dataset, () => session.describe(select));
  const types = states.map(({ input }) => (input === null ? null : columns[inputs.indexOf(input)]!.type));
  for (const [position, { function: name, input }] of states.entries()) {
    const type = types[position] ?? "";
    if (name === "sum" && !numeric.test(type)) {
      throw mismatch(
        view,
        `sums ${oneLine(input)}, which is ${type}`,
        "Sum a number, or cast it: sum(sql`CAST(… AS DECIMAL(18, 2))`).",
      );
    }
    if ((name === "min" || name === "max") && classOf(type) === null) {
      throw mismatch(
        view,
        `can't take the ${name} of ${oneLine(input)}, which is ${type}`,
        "Numbers, texts, dates and times with a zone can be compared.",
      );
    }
  }
  return types;
}

/** The definition, with what the types of this dataset say about its smallest and largest values. */
export function storedDefinition(view: FeatureView, types: readonly (string | null)[]): StoredDefinition {
  const classes = view.definition.states.map(({ function: name }, position) =>
    name === "min" || name === "max" ? classOf(types[position] ?? "") : null,
  );
  return { ...view.definition, classes };
}

const numeric = /^(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|FLOAT|DOUBLE|DECIMAL.*)$/;

function classOf(type: string): ValueClass | null {
  if (numeric.test(type)) return "number";
  if (type === "TIMESTAMP WITH TIME ZONE") return "time";
  return type === "VARCHAR" || type === "DATE" ? "text" : null;
}

/** Runs a query; a column that one of the view's expressions names in vain becomes a CONTRACT_MISMATCH. */
export async function explained<T>(view: FeatureView, dataset: Dataset, work: () => Promise<T>): Promise<T> {
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
  return mismatch(
    view,
    `reads the column "${name}", which the dataset does not have`,
    renamed === null ? `It has ${names.join(", ")}.` : `Was it renamed to "${renamed}"?`,
  );
}

function mismatch(view: FeatureView, what: string, hint: string): SluiceError {
  return new SluiceError("CONTRACT_MISMATCH", `The feature view ${view.name} ${what}`, {
    hint,
    details: { view: view.name },
  });
}

function oneLine(input: string | null): string {
  return (input ?? "").replace(/\s+/g, " ");
}
