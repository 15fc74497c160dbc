// What a table of files is, at one load: its columns, its files, and which loads have happened. Pure: from one state and a load
// to the next state. A manifest is written once and never changed; the one with the highest number is the table.
import { checkUnmoved } from "../../connect/position.ts";
import type { LoadRequest, Table } from "../../connect/sink.ts";
import type { Column, Dataset } from "../../dataset/dataset.ts";
import { SluiceError } from "../../errors.ts";
import type { Json } from "../../json.ts";

export interface TableFile {
  /** Under which it lies, by its content. */
  readonly name: string;
  /** Null for rows that were loaded without one. */
  readonly partition: string | null;
  readonly rows: number;
  /** The file has the first so many columns of the table, in any order. */
  readonly columns: number;
}

export interface Manifest {
  readonly version: 1;
  /** From 1; each load has the next. */
  readonly number: number;
  /** It only ever grows at the end. */
  readonly columns: readonly Column[];
  /** In the order of loading. */
  readonly files: readonly TableFile[];
  /** Keys of the newest loads, the oldest first. */
  readonly loads: readonly { readonly key: string; readonly rows: number }[];
  /** The highest fence seen, by partition; "" for loads without one. */
  readonly fences: Readonly<Record<string, number>>;
  /** How far each reader has got. */
  readonly positions: Readonly<Record<string, Json>>;
}

/** So many loads are remembered: a replay of an older one would be loaded again. */
const rememberedLoads = 10_000;

/** What a load comes to: rows that an earlier attempt has loaded, or the next state. */
export type Outcome = { readonly loaded: number; readonly next: Manifest | null };

/** Applies a load whose files lie under `names`. Throws FENCED and SINK_SCHEMA. */
export function applyLoad(before: Manifest | null, request: LoadRequest, names: readonly string[]): Outcome {
  const { table, dataset, partition, loadKey, fence, write, positions = [] } = request;
  const where = partition ?? "";
  const done = before?.loads.find(({ key }) => key === loadKey);
  const highest = before?.fences[where] ?? -1;
  if (done === undefined && fence < highest) throw overtaken(request, highest);
  const fences = { ...before?.fences, [where]: Math.max(fence, highest) };
  if (done !== undefined) {
    // A replay counts as seen too: whoever is older than it has been overtaken.
    const next = fence > highest ? { ...before!, number: before!.number + 1, fences } : null;
    return { loaded: done.rows, next };
  }
  const reached: Record<string, Json> = { ...before?.positions };
  for (const position of positions) {
    checkUnmoved(reached[position.reader] ?? null, position);
    reached[position.reader] = position.to;
  }
  const columns = grownColumns(before?.columns ?? [], table, dataset);
  const kept = (before?.files ?? []).filter((file) =>
    write === "append" ? true : write === "replace" ? false : file.partition !== partition,
  );
  const added = names.map((name, position) => ({
    name,
    partition,
    // Row counts are kept per load; with several files they stand with the first.
    rows: position === 0 ? dataset.rows : 0,
    columns: columns.length,
  }));
  const next: Manifest = {
    version: 1,
    number: (before?.number ?? 0) + 1,
    columns,
    files: [...kept, ...added],
    loads: [...(before?.loads ?? []), { key: loadKey, rows: dataset.rows }].slice(-rememberedLoads),
    fences,
    positions: reached,
  };
  return { loaded: dataset.rows, next };
}

/** The table's columns after a load: those it has, then those that are new. */
export function grownColumns(known: readonly Column[], table: Table, dataset: Dataset): readonly Column[] {
  for (const column of known) {
    const offered = dataset.columns.find(({ name }) => name === column.name);
    if (offered === undefined) {
      throw misfit(
        table,
        `column "${column.name}" (${column.type}) is missing from the rows`,
        dataset,
        "Add it, as null if need be, or load into another table.",
      );
    }
    if (offered.type !== column.type) {
      throw misfit(
        table,
        `column "${column.name}" is ${column.type} there and ${offered.type} in the rows`,
        dataset,
        "Cast it in a transform, or load into another table.",
      );
    }
  }
  const columns = [...known, ...dataset.columns.filter(({ name }) => !known.some((column) => column.name === name))];
  const seen = new Set<string>();
  const twice = columns.find(({ name }) => seen.size === seen.add(name.toLowerCase()).size);
  if (twice !== undefined) {
    throw misfit(
      table,
      `two columns would be named "${twice.name}"`,
      dataset,
      "Rename one of them; upper and lower case count as the same.",
    );
  }
  return columns;
}

function misfit(table: Table, what: string, dataset: Dataset, hint: string): SluiceError {
  return new SluiceError("SINK_SCHEMA", `The rows do not fit ${fullName(table)}: ${what}`, {
    hint,
    details: { table: fullName(table), columns: dataset.columns },
  });
}

function overtaken({ table, partition, fence }: LoadRequest, highest: number): SluiceError {
  const what = partition === null ? fullName(table) : `partition ${partition} of ${fullName(table)}`;
  return new SluiceError("FENCED", `A newer run has loaded ${what}; this one wrote nothing`, {
    hint: "Nothing is lost: the newer run's rows stand.",
    details: { table: fullName(table), partition, fence, highest },
  });
}

function fullName({ connection, name }: Table): string {
  return `${connection.name}.${name}`;
}

/** Where the files of a table are to be seen: `part-0000.parquet`, `partition=2026-01-31/part-0001.parquet`, by their names. */
export function publicFiles({ files }: Manifest): Map<string, string> {
  const counts = new Map<string, number>();
  return new Map(
    files.map(({ name, partition }) => {
      const folder = partition === null ? "" : `partition=${encodeURIComponent(partition)}/`;
      const position = counts.get(folder) ?? 0;
      counts.set(folder, position + 1);
      return [`${folder}part-${String(position).padStart(4, "0")}${name.slice(name.indexOf("."))}`, name];
    }),
  );
}
