// Merging an entity's tiles into the values of its features, as of a day. The result doesn't depend on the order of
// the tiles, nor on how the events of a day were spread over partitions.
import type { FeatureDefinition, FeatureValue, StoredDefinition, TileState, ValueClass } from "./definition.ts";
import { daysBefore } from "./day.ts";

export interface MergeTile {
  readonly day: string;
  readonly state: TileState;
}

/**
 * The features over the tiles of the days before `openDay`, by name, in the definition's order; null when there is no such
 * tile: the entity was not known then.
 */
export function mergeTiles(
  definition: StoredDefinition,
  tiles: readonly MergeTile[],
  openDay: string,
): Record<string, FeatureValue> | null {
  const complete = tiles.filter((tile) => tile.day < openDay);
  if (complete.length === 0) return null;
  const values = new Map<string, FeatureValue>();
  const ratios: (FeatureDefinition & { kind: "ratio" })[] = [];
  for (const feature of definition.features) {
    // Holds the place, so that names come in the definition's order.
    values.set(feature.name, null);
    if (feature.kind === "ratio") {
      ratios.push(feature);
      continue;
    }
    const from = feature.window === null ? "" : daysBefore(openDay, feature.window);
    values.set(
      feature.name,
      valueOf(
        definition,
        feature,
        complete.filter((tile) => tile.day >= from),
      ),
    );
  }
  for (const { name, numerator, denominator } of ratios) {
    values.set(name, divide(values.get(numerator) as number | null, values.get(denominator) as number | null));
  }
  return Object.fromEntries(values);
}

function valueOf(
  definition: StoredDefinition,
  feature: Exclude<FeatureDefinition, { kind: "ratio" }>,
  tiles: readonly MergeTile[],
): FeatureValue {
  const parts = (position: number) => tiles.map((tile) => tile.state[position] ?? null);
  switch (feature.kind) {
    case "mean":
      return divide(decimalNumber(addDecimals(parts(feature.sum))), addCounts(parts(feature.count)));
    case "active-days":
      return new Set(tiles.filter((tile) => (tile.state[feature.count] as number) > 0).map((tile) => tile.day)).size;
    case "merged": {
      const all = parts(feature.state);
      const { function: name } = definition.states[feature.state]!;
      if (name === "count") return addCounts(all);
      if (name === "sum") return decimalNumber(addDecimals(all));
      if (name === "distinct") return new Set(all.flatMap((part) => (part ?? []) as readonly string[])).size;
      return extreme(
        all.filter((part) => part !== null) as string[],
        name === "max" ? 1 : -1,
        definition.classes[feature.state] ?? "text",
      );
    }
  }
}

type Part = TileState[number];

function addCounts(parts: readonly Part[]): number {
  return parts.reduce((total: number, part) => total + ((part as number | null) ?? 0), 0);
}

/** Sums of decimals with 6 digits after the point, in millionths. */
function addDecimals(parts: readonly Part[]): bigint {
  return parts.reduce(
    (total: bigint, part) => (part === null ? total : total + BigInt((part as string).replace(".", ""))),
    0n,
  );
}

/** The number nearest to so many millionths: by way of the decimal text, which rounds once. */
function decimalNumber(millionths: bigint): number {
  const digits = (millionths < 0n ? -millionths : millionths).toString().padStart(7, "0");
  return Number(`${millionths < 0n ? "-" : ""}${digits.slice(0, -6)}.${digits.slice(-6)}`);
}

function extreme(parts: readonly string[], sign: 1 | -1, valueClass: ValueClass): FeatureValue {
  const best = parts.reduce<string | null>(
    (found, part) => (found === null || compare(part, found, valueClass) * sign > 0 ? part : found),
    null,
  );
  if (best === null) return null;
  if (valueClass === "number") return Number(best) + 0;
  return valueClass === "time" ? isoMicroseconds(BigInt(best)) : best;
}

function compare(a: string, b: string, valueClass: ValueClass): number {
  // Text as the columnar engine orders it: by UTF-8 bytes, which is by code points. JS orders by UTF-16 units.
  if (valueClass === "text") return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return valueClass === "number" ? Number(a) - Number(b) : Number(BigInt(a) - BigInt(b));
}

/** ISO 8601 in UTC; with microseconds only where there are any. */
function isoMicroseconds(microseconds: bigint): string {
  const rest = ((microseconds % 1000n) + 1000n) % 1000n;
  const text = new Date(Number((microseconds - rest) / 1000n)).toISOString();
  return rest === 0n ? text : text.replace("Z", `${rest.toString().padStart(3, "0")}Z`);
}

function divide(numerator: number | null, denominator: number | null): number | null {
  return numerator === null || denominator === null || denominator === 0 ? null : numerator / denominator + 0;
}
