// Reading only the files that are new: what users say about it, what the position holds, and the reading itself. Which files there
// are, and what they hold, the adapters say.
import type { Column, Dataset } from "../dataset/dataset.ts";
import { rejectInto } from "./rejected-rows.ts";
import { SluiceError } from "../errors.ts";
import { canonicalJson, contentHash, type Json } from "../json.ts";
import type { ConnectNeeds } from "./needs.ts";
import type { Increment } from "./read-increment.ts";
import type { Table } from "./sink.ts";
import type { FileSet, FileStamp } from "./source.ts";

/** Reading the files that no load has brought yet; which those are is kept in the table that is loaded. */
export interface FromNewFiles {
  readonly by: "file";
  /** The table that the rows are loaded into, perhaps after steps between: it keeps the position, in the transaction of the rows. */
  readonly into: Table;
  /**
   * What it means that the content of a file has changed since it was loaded: an error, or it is read anew, all of it; then
   * the load must be a merge. A file that only has another time is not changed. @default "fail"
   */
  readonly changed?: "fail" | "read";
}

/** As it enters the plan. */
export interface NewFilesPlan {
  readonly by: "file";
  readonly into: { readonly vendor: string; readonly connection: string; readonly table: string };
  readonly changed: "fail" | "read";
}

export function planNewFiles({ into, changed = "fail" }: FromNewFiles): NewFilesPlan {
  return {
    by: "file",
    into: { vendor: into.connection.vendor, connection: into.connection.name, table: into.name },
    changed,
  };
}

/** What a position holds: every file that was ever loaded, and the columns that came of the last ones. */
interface LoadedFiles {
  /** By name: what tells quickly that nothing has changed, and the content's hash. */
  readonly files: Readonly<Record<string, readonly [version: string, hash: string]>>;
  readonly columns: readonly Column[];
}

/** Reads the files that are new or changed; the dataset carries the new position. */
export async function readNewFiles(
  plan: NewFilesPlan,
  into: Table,
  needs: Pick<ConnectNeeds, "sinks" | "quarantine">,
  { source, sourceContext, sinkContext, step }: Omit<Increment, "read">,
  fileSet: FileSet,
): Promise<Dataset> {
  const sink = await needs.sinks[into.connection.vendor]?.();
  if (sink === undefined) {
    throw new SluiceError(
      "DEFINITION_INVALID",
      `incremental: nothing here keeps a position in "${into.connection.vendor}"`,
      { hint: `Connections that do: ${Object.keys(needs.sinks).join(", ")}.` },
    );
  }
  const table = `${into.connection.name}.${into.name}`;
  // Partitions of a pipeline read each for itself: they may read other folders.
  const reader = `${step.pipeline}.${step.step}${step.partition === null ? "" : `/${step.partition.key}`}`;
  const stored = await sink.position(into, reader, sinkContext);
  const before = loadedFiles(stored, table, reader);
  const known = new Map(
    Object.entries(before?.files ?? {}).map(([name, [version, hash]]) => [name, { name, version, hash }]),
  );
  const present = await fileSet.list(source, known, sourceContext);
  const wanted = present.filter(({ name, hash }) => known.get(name)?.hash !== hash);
  const changed = wanted.filter(({ name }) => known.has(name));
  if (changed.length > 0 && plan.changed === "fail") throw haveChanged(changed, table);
  if (wanted.length === 0 && before !== null) return nothing(before.columns);
  const dataset = await fileSet.read(source, wanted, {
    ...sourceContext,
    reject: rejectInto(needs.quarantine, step, [{ table, reader, from: stored }]),
  });
  const files = { ...before?.files };
  for (const { name, version, hash } of present) files[name] = [version, hash];
  const to: Json = { version: 1, by: "file", files, columns: dataset.columns as unknown as Json };
  if (canonicalJson(to) === canonicalJson(stored)) return dataset;
  return { ...dataset, positions: [{ table, reader, from: stored, to, repeats: changed.length > 0 }] };
}

function loadedFiles(stored: Json, table: string, reader: string): LoadedFiles | null {
  if (stored === null) return null;
  const value = stored as { readonly version?: Json; readonly by?: Json };
  if (typeof stored === "object" && value.version === 1 && value.by === "file") return stored as unknown as LoadedFiles;
  throw new SluiceError("POSITION_UNREADABLE", `The position of ${reader} in ${table} is not one of files`, {
    hint: "The step has read by a cursor before, or a newer version of sluice has written it: give the step another name.",
    details: { table, reader },
  });
}

function haveChanged(changed: readonly FileStamp[], table: string): SluiceError {
  const names = changed.slice(0, 5).map(({ name }) => name);
  const more = changed.length > 5 ? ` and ${changed.length - 5} more` : "";
  return new SluiceError("SOURCE_MALFORMED", `${names.join(", ")}${more} changed after loading into ${table}`, {
    hint: 'Deliver new rows in new files; or read changed files anew, changed: "read", and load with merge(key).',
    details: { files: names, table },
  });
}

function nothing(columns: readonly Column[]): Dataset {
  return { kind: "dataset", files: [], columns, rows: 0, bytes: 0, hash: contentHash({ columns, rows: 0 } as never) };
}
