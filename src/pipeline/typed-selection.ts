// Partitions as people name them in a command: `--from`, `--to`, `--partition`. Here it becomes a selection. Pure.
import { SluiceError } from "../errors.ts";
import { checkSelection, dimensionNamed } from "./partition-selection.ts";
import {
  timeDimension,
  type CombinedPartitions,
  type DynamicKeys,
  type Partitions,
  type PartitionSelection,
  type SimplePartitions,
} from "./partition.ts";

/** What a command was told, as it was typed; each option may come several times. */
export interface TypedSelection {
  readonly from?: string | readonly string[] | undefined;
  readonly to?: string | readonly string[] | undefined;
  /** Keys, with commas between. */
  readonly keys?: string | readonly string[] | undefined;
}

interface Options {
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly keys: readonly string[];
}

/**
 * The selection that was typed; all partitions when nothing was. USAGE, in one line, where it can't be meant. Of combined
 * partitions an option names its dimension, `day=2026-01-01`, unless it is a range of the one that is time; whole keys do
 * as well, `2026-01-01|eu`. Without `dynamic`, dynamic sets have any name.
 */
export function selectionFrom(
  partitions: Partitions,
  typed: TypedSelection,
  dynamic?: DynamicKeys,
): PartitionSelection {
  const listOf = (option: string | readonly string[] | undefined): readonly string[] =>
    option === undefined ? [] : [option].flat();
  const options: Options = { from: listOf(typed.from), to: listOf(typed.to), keys: listOf(typed.keys) };
  const selection =
    partitions.type === "combined" ? combinedFrom(partitions, options) : simpleFrom(partitions, options, dynamic);
  checkSelection(partitions, selection, dynamic);
  return selection;
}

function simpleFrom(
  partitions: SimplePartitions,
  { from, to, keys }: Options,
  dynamic: DynamicKeys | undefined,
): PartitionSelection {
  if (from.length > 1 || to.length > 1) {
    throw new SluiceError("USAGE", `--${from.length > 1 ? "from" : "to"} was given twice`, { hint: "Give it once." });
  }
  const [first, last] = [from[0], to[0]];
  if (keys.length > 0) {
    if (first === undefined && last === undefined) return { type: "keys", keys: keysOf(partitions, keys, dynamic) };
    throw new SluiceError("USAGE", "Partitions were given both by name and as a range", {
      hint: "Give --partition, or --from and --to.",
    });
  }
  if (first === undefined && last === undefined) return { type: "all" };
  const ends = endsOf(partitions);
  const [start, end] = [first ?? ends.first, last ?? ends.last];
  if (start !== null && end !== null) return { type: "range", from: start, to: end };
  throw new SluiceError("USAGE", `The range has no --${start === null ? "from" : "to"}`, {
    hint:
      partitions.type === "dynamic"
        ? "Name the partitions: --partition a,b."
        : "Give both ends, such as --from 2026-01-01 --to 2026-01-31.",
  });
}

function endsOf(partitions: SimplePartitions): { readonly first: string | null; readonly last: string | null } {
  if (partitions.type === "time") return { first: partitions.from, last: partitions.to };
  if (partitions.type === "static") return { first: partitions.keys[0]!, last: partitions.keys.at(-1)! };
  return { first: null, last: null };
}

/** A name may hold a comma itself: what is a key as a whole is one. */
function keysOf(
  partitions: SimplePartitions,
  typed: readonly string[],
  dynamic: DynamicKeys | undefined,
): readonly string[] {
  const isKey = (text: string): boolean =>
    partitions.type === "static"
      ? partitions.keys.includes(text)
      : partitions.type === "dynamic" && (dynamic?.(partitions.set).includes(text) ?? false);
  return [...new Set(typed.flatMap((text) => (isKey(text) ? [text] : text.split(",").map((key) => key.trim()))))];
}

function combinedFrom(partitions: CombinedPartitions, options: Options): PartitionSelection {
  const byDimension = new Map<string, { from: string[]; to: string[]; keys: string[] }>();
  const whole: string[] = [];
  for (const [option, texts] of Object.entries(options) as [keyof Options, readonly string[]][]) {
    for (const text of texts) {
      const named = nameIn(partitions, text, option);
      if (named === null) whole.push(...text.split(",").map((key) => key.trim()));
      else {
        const found = byDimension.get(named.dimension) ?? { from: [], to: [], keys: [] };
        found[option].push(named.value);
        byDimension.set(named.dimension, found);
      }
    }
  }
  if (whole.length > 0) {
    if (byDimension.size === 0) return { type: "keys", keys: [...new Set(whole)] };
    throw new SluiceError("USAGE", "Partitions were given both as whole keys and by dimension", {
      hint: `Give whole keys, or each as NAME=KEY with one of ${partitions.order.join(", ")}.`,
    });
  }
  if (byDimension.size === 0) return { type: "all" };
  return {
    type: "each",
    dimensions: Object.fromEntries(
      [...byDimension].map(([name, each]) => [name, simpleFrom(dimensionNamed(partitions, name), each, undefined)]),
    ),
  };
}

/** The dimension an option is about; null for a whole key. */
function nameIn(
  partitions: CombinedPartitions,
  text: string,
  option: keyof Options,
): { readonly dimension: string; readonly value: string } | null {
  const at = text.indexOf("=");
  const before = at === -1 ? "" : text.slice(0, at);
  if (partitions.order.includes(before)) return { dimension: before, value: text.slice(at + 1) };
  if (option === "keys") {
    // "region=eu" of a pipeline that has no such dimension, rather than a key with an equals sign.
    if (at !== -1 && !text.includes("|")) dimensionNamed(partitions, before);
    return null;
  }
  if (at !== -1) dimensionNamed(partitions, before);
  const time = timeDimension(partitions);
  if (time !== null) return { dimension: time.name!, value: text };
  throw new SluiceError("USAGE", `--${option} ${text} does not say of which dimension`, {
    hint: `Write --${option} ${partitions.order[0]}=${text}.`,
  });
}
