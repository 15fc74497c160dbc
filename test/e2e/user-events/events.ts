// Drawn user events of some days in ten places, and what the pipeline of examples/user-events must make of them. The expectation
// is worked out here, row by row and without any of the pipeline's code.
import { randomFrom, type Random } from "../../simulation/random.ts";

export const places = [
  "shop",
  "crm",
  "kiosks",
  "mobile",
  "partners",
  "web",
  "ios",
  "android",
  "stores",
  "email",
] as const;
export type Place = (typeof places)[number];

export interface Event {
  readonly user_id: string | null;
  readonly event_id: string | null;
  readonly event_type: string;
  /** An instant in ISO 8601, UTC, with whole seconds. */
  readonly created_at: string;
  readonly age: number | null;
  readonly email: string | null;
  readonly amount: number | null;
}

export interface Drawn {
  readonly byPlace: ReadonlyMap<Place, readonly Event[]>;
  /** What is to come of a day, with the places that answer. */
  expected(day: string, answering?: readonly Place[]): Expected;
}

export interface Expected {
  readonly in: number;
  /** Keys of the loaded rows, in order: `user event`. */
  readonly loaded: readonly string[];
  readonly duplicate: number;
  readonly quarantined: number;
}

/** Taipei is eight hours ahead of UTC all year. */
const ahead = 8 * 3_600_000;

/** Does not leave out what is hard: the first and the last second of a day, repeats in other places, and rows that are none. */
export function drawEvents(seed: number, days: readonly string[], perPlace: number): Drawn {
  const random = randomFrom(seed);
  const byPlace = new Map<Place, Event[]>();
  const all: Event[] = [];
  for (const place of places) {
    const events: Event[] = [];
    for (const day of days) {
      const midnight = Date.parse(`${day}T00:00:00Z`) - ahead;
      for (let index = 0; index < perPlace; index += 1) {
        const second = index === 0 ? 0 : index === 1 ? 86_399 : random.below(86_400);
        const at = new Date(midnight + second * 1000).toISOString().replace(".000Z", "Z");
        // The same event reported by another place, a moment later.
        const repeated = all.length > 0 && random.chance(0.1) ? random.pick(all) : null;
        const sound = repeated !== null && isSound(repeated) && dayOf(repeated.created_at) === day;
        events.push(sound ? { ...repeated, created_at: at } : drawEvent(random, at));
      }
    }
    byPlace.set(place, events);
    all.push(...events);
  }
  return {
    byPlace,
    expected: (day, answering = places) => {
      const rows = answering.flatMap((place) => byPlace.get(place)!.filter((event) => dayOf(event.created_at) === day));
      const valid = rows.filter(isSound);
      const keys = new Set(valid.map(({ user_id, event_id }) => `${user_id} ${event_id}`));
      return {
        in: rows.length,
        loaded: [...keys].sort(),
        duplicate: valid.length - keys.size,
        quarantined: rows.length - valid.length,
      };
    },
  };
}

export function dayOf(at: string): string {
  return new Date(Date.parse(at) + ahead).toISOString().slice(0, 10);
}

const letters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789";

function drawEvent(random: Random, created_at: string): Event {
  const id = Array.from({ length: 16 }, () => random.pick([...letters])).join("");
  const user = `user-${random.below(1000)}`;
  const event: Event = {
    user_id: user,
    event_id: `evt_${id}`,
    event_type: random.pick(["click", "purchase", "signup", "logout", "view"]),
    created_at,
    age: random.chance(0.2) ? null : random.between(18, 90),
    email: random.chance(0.2) ? null : `${user}@example.com`,
    amount: random.chance(0.5) ? null : random.between(0, 100_000) / 100,
  };
  if (!random.chance(0.12)) return event;
  return random.pick<Event>([
    { ...event, user_id: null },
    { ...event, event_id: null },
    // One character short: the usual sample id.
    { ...event, event_id: "evt_abc123def456gh7" },
    { ...event, event_type: "hover" },
    { ...event, age: 151 },
    { ...event, email: "nobody" },
    { ...event, amount: -0.01 },
  ]);
}

function isSound({ user_id, event_id, event_type, age, email, amount }: Event): boolean {
  return (
    user_id !== null &&
    event_id !== null &&
    event_id.length === 20 &&
    event_type !== "hover" &&
    age !== 151 &&
    email !== "nobody" &&
    !(amount !== null && amount < 0)
  );
}
