// The shops that buy: everything about a customer follows from the number alone, so that the day files, the
// database and any other month of sales agree without sharing a list.
import { drawFor } from "./random.ts";

export interface Customer {
  readonly customer_id: string;
  readonly name: string;
  readonly country: string;
  readonly segment: "gift shop" | "department store" | "market stall" | "online shop";
  /** When the record last changed, in UTC, ISO 8601. */
  readonly updated_at: string;
}

/** Lowest and highest customer number. */
export const customerIds = { first: 12_346, last: 18_287 } as const;

/** Share of the customers by country; the rest is in the United Kingdom. */
const abroad = [
  ["Germany", 0.022],
  ["France", 0.02],
  ["EIRE", 0.012],
  ["Spain", 0.008],
  ["Belgium", 0.006],
  ["Switzerland", 0.005],
  ["Portugal", 0.005],
  ["Netherlands", 0.004],
  ["Norway", 0.003],
  ["Channel Islands", 0.003],
  ["Australia", 0.004],
  ["Japan", 0.003],
  ["USA", 0.003],
] as const;

const segments = ["gift shop", "gift shop", "gift shop", "department store", "market stall", "online shop"] as const;

const newest = Date.UTC(2010, 10, 30);

export function customerOf(id: number): Customer {
  return {
    customer_id: String(id),
    name: `Shop ${id}`,
    country: countryOf(id),
    segment: segments[Math.floor(drawFor(2, id) * segments.length)]!,
    updated_at: new Date(newest - Math.floor(drawFor(3, id) * 700) * 86_400_000).toISOString(),
  };
}

export function countryOf(id: number): string {
  let draw = drawFor(1, id);
  for (const [country, share] of abroad) {
    if (draw < share) return country;
    draw -= share;
  }
  return "United Kingdom";
}

/** Every customer, by number. */
export function allCustomers(): Customer[] {
  return Array.from({ length: customerIds.last - customerIds.first + 1 }, (_, position) =>
    customerOf(customerIds.first + position),
  );
}
