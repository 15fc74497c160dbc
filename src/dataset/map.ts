// The kind of step that runs once per item: of a list, of the combinations of several lists, or of a dataset's rows in
// batches. How many items there are is known when the run gets there; each is tried, timed and cancelled by itself.
import { SluiceError } from "../errors.ts";
import type { Json } from "../json.ts";
import type { Inputs, OutputsOf } from "../pipeline/inputs.ts";
import { itemAt } from "../pipeline/item.ts";
import type { Control } from "../pipeline/plan.ts";
import type { StepContext, StepHandle, StepResult, StepSpec } from "../pipeline/step.ts";
import type { Dataset } from "./dataset.ts";
import type { Row, Session } from "./session.ts";
import { readDataset } from "./write-dataset.ts";

export interface MapNeeds {
  readonly session: () => Promise<Session>;
}

/** What the code of an item is given beside the item. */
export interface MapContext<I extends Inputs = {}> extends Omit<StepContext, "inputs" | "item"> {
  /** Outputs of the steps in `options.inputs`: the same for every item, and frozen. */
  readonly inputs: OutputsOf<I>;
  /** The item's position, from 0. */
  readonly item: number;
}

/** What all items share. */
export interface MapOptions<I extends Inputs = {}> {
  /** Steps whose outputs every item reads, as `context.inputs`. */
  readonly inputs?: I;
}

/** How a dataset is cut into items. */
export interface RowsOptions<I extends Inputs = {}> extends MapOptions<I> {
  /** Rows per item; the last one may have fewer. */
  readonly batch: number;
}

type Lists = Readonly<Record<string, StepHandle<readonly unknown[]>>>;
type Combination<L extends Lists> = {
  readonly [K in keyof L]: L[K] extends StepHandle<readonly (infer Element)[]> ? Element : never;
};
type Work<Item, I extends Inputs, Output> = (item: Item, context: MapContext<I>) => Promise<Output> | Output;

/**
 * A step that runs `work` once per element of a list, per combination of the elements of several, or per batch of a
 * dataset's rows. Its output is the list of what the items returned, in their order.
 *
 * ```ts
 * const files = step("files", task(async () => ["a.csv", "b.csv"]));
 * const sizes = step("sizes", map(files, async (file) => file.length), { concurrency: 8 });
 * step("total", task({ sizes }, ({ sizes }) => sizes.reduce((sum, size) => sum + size, 0)));
 * ```
 */
export function map<Item, Output extends Json | void, const I extends Inputs = {}>(
  list: StepHandle<readonly Item[]>,
  work: Work<Item, I, Output>,
  options?: MapOptions<I>,
): StepSpec<readonly Output[]>;
export function map<Output extends Json | void, const I extends Inputs = {}>(
  dataset: StepHandle<Dataset>,
  work: Work<readonly Row[], I, Output>,
  options: RowsOptions<I>,
): StepSpec<readonly Output[], MapNeeds>;
export function map<const L extends Lists, Output extends Json | void, const I extends Inputs = {}>(
  lists: L,
  work: Work<Combination<L>, I, Output>,
  options?: MapOptions<I>,
): StepSpec<readonly Output[]>;
export function map(
  over: StepHandle<unknown> | Lists,
  work: (item: never, context: MapContext) => unknown,
  options: Partial<RowsOptions<Inputs>> = {},
): StepSpec<never, MapNeeds> {
  const sources = isHandle(over) ? { items: over } : over;
  const names = Object.keys(sources);
  checkDefinition(names, work, options);
  const batch = options.batch ?? null;
  const control: MapControl = {
    type: "map",
    over: Object.values(sources).map((handle) => handle.step),
    fields: isHandle(over) ? null : names,
    batch,
  };
  const shared = Object.keys(options.inputs ?? {});
  return {
    kind: "map",
    inputs: {
      ...options.inputs,
      ...Object.fromEntries(Object.entries(sources).map(([name, handle]) => [sourceName(name), handle])),
    },
    config: { code: work.toString() },
    control,
    execute: async (context, needs): Promise<StepResult<never>> => {
      const position = context.item ?? 0;
      const outputs = names.map((name) => context.inputs[sourceName(name)]);
      const item =
        batch === null
          ? // The lists are all items' and can't be changed; an item is its attempt's own.
            structuredClone(itemAt(control, outputs as readonly (readonly unknown[])[], position))
          : await rowsOf(outputs[0] as Dataset, position, batch, await needs.session());
      const inputs = Object.fromEntries(shared.map((name) => [name, context.inputs[name]]));
      const output = await work(item as never, { ...context, item: position, inputs });
      return { output: (output ?? null) as never };
    },
  };
}

type MapControl = Extract<Control, { type: "map" }>;

/** The name of a source among the step's inputs: no name of a shared one can be the same. */
function sourceName(name: string): string {
  return `each:${name}`;
}

function isHandle(over: StepHandle<unknown> | Lists): over is StepHandle<unknown> {
  return typeof (over as Partial<StepHandle<unknown>> | null)?.step === "string";
}

function checkDefinition(names: readonly string[], work: unknown, { batch }: Partial<RowsOptions<Inputs>>): void {
  if (names.length === 0 || typeof work !== "function") {
    throw new SluiceError("DEFINITION_INVALID", "map needs something to map over and a function", {
      hint: "Write map(files, async (file) => …), with the handle of a step whose output is a list.",
    });
  }
  if (batch === undefined) return;
  if (!Number.isSafeInteger(batch) || batch < 1) {
    throw new SluiceError("DEFINITION_INVALID", `map can't take ${String(batch)} rows at a time`, {
      hint: "Write a whole number from 1, such as { batch: 1000 }.",
    });
  }
  if (names.length > 1) {
    throw new SluiceError("DEFINITION_INVALID", "map takes rows in batches of one dataset, not of several", {
      hint: "Join them in a transform first.",
    });
  }
}

/** The rows of one batch, in the dataset's order. */
async function rowsOf(dataset: Dataset, position: number, batch: number, session: Session): Promise<readonly Row[]> {
  // Of many rows, the optimizer finds the batch without reading those before it.
  session.expect(dataset.rows);
  return session.rows(`SELECT * FROM ${readDataset(dataset)} LIMIT ${batch} OFFSET ${position * batch}`);
}
