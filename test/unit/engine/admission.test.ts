import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createAdmission, goesBefore, type Need, type Ticket } from "../../../src/engine/attempts/admission.ts";

interface Named extends Ticket {
  readonly name: string;
}

const ticket = (name: string, more: Partial<Named> = {}): Named => {
  const needs = more.needs ?? [];
  return {
    name,
    needs,
    lane: laneOf(needs),
    priority: 0,
    backfill: false,
    sequence: 1,
    position: 0,
    item: 0,
    ...more,
  };
};

const slot = (resource: string, limit: number, amount = 1): Need => ({ resource, amount, limit: () => limit });

function laneOf(needs: readonly Need[]): string {
  return JSON.stringify(needs.map(({ resource, amount, limit }) => [resource, amount, limit()]));
}

function admissionOf(...tickets: readonly Named[]): ReturnType<typeof createAdmission<Named>> {
  const admission = createAdmission<Named>(() => true);
  for (const each of tickets) admission.add(each);
  return admission;
}

/** Lets start whatever may. */
function admitted(admission: ReturnType<typeof createAdmission<Named>>): string[] {
  const names: string[] = [];
  for (let next = admission.next(); next !== null; next = admission.next()) names.push(next.name);
  return names;
}

describe("admission", () => {
  it("goes by priority, then lets backfills give way, then by run, step and item", () => {
    const admission = admissionOf(
      ticket("item 1", { sequence: 2, position: 1, item: 1 }),
      ticket("item 0", { sequence: 2, position: 1, item: 0 }),
      ticket("later run", { sequence: 3 }),
      ticket("first step", { sequence: 2, position: 0 }),
      ticket("backfill", { sequence: 1, backfill: true }),
      ticket("urgent", { sequence: 9, priority: 1 }),
      ticket("urgent backfill", { sequence: 4, priority: 1, backfill: true }),
      ticket("can wait", { sequence: 1, priority: -1 }),
    );
    expect(admitted(admission)).toEqual([
      "urgent",
      "urgent backfill",
      "first step",
      "item 0",
      "item 1",
      "later run",
      "backfill",
      "can wait",
    ]);
  });

  it("lets no more hold a pool than it has slots, and the next one as soon as one is given back", () => {
    const api = [slot("pool api", 2)];
    const tickets = ["a", "b", "c"].map((name, sequence) => ticket(name, { needs: api, sequence }));
    const admission = admissionOf(...tickets, ticket("free", { sequence: 9 }));
    expect(admitted(admission)).toEqual(["a", "b", "free"]);
    admission.release(tickets[1]!);
    expect(admitted(admission)).toEqual(["c"]);
  });

  it("does not take a slot given back twice for two", () => {
    const needs = [slot("pool api", 1)];
    const tickets = ["a", "b", "c"].map((name, sequence) => ticket(name, { needs, sequence }));
    const admission = admissionOf(...tickets);
    expect(admitted(admission)).toEqual(["a"]);
    admission.release(tickets[0]!);
    admission.release(tickets[0]!);
    expect(admitted(admission)).toEqual(["b"]);
    admission.release(tickets[0]!);
    expect(admitted(admission)).toEqual([]);
  });

  it("does not let small ones keep a big one waiting for ever", () => {
    const small = (name: string, sequence: number): Named => ticket(name, { needs: [slot("cpus", 4, 1)], sequence });
    const holders = [small("a", 1), small("b", 2), small("c", 3)];
    const admission = admissionOf(...holders);
    admitted(admission);
    admission.add(ticket("big", { needs: [slot("cpus", 4, 3)], sequence: 4 }));
    admission.add(small("d", 5));
    expect(admitted(admission), "one is free, and is kept for the big one").toEqual([]);
    admission.release(holders[0]!);
    admission.release(holders[1]!);
    expect(admitted(admission)).toEqual(["big"]);
    admission.release(holders[2]!);
    expect(admitted(admission)).toEqual(["d"]);
  });

  it("lets one that goes first have what is kept for another", () => {
    const holder = ticket("holder", { needs: [slot("cpus", 4, 3)] });
    const admission = admissionOf(holder);
    admitted(admission);
    admission.add(ticket("big", { needs: [slot("cpus", 4, 2)], sequence: 2 }));
    admission.add(ticket("small", { needs: [slot("cpus", 4, 1)], sequence: 3 }));
    expect(admitted(admission)).toEqual([]);
    admission.add(ticket("urgent", { needs: [slot("cpus", 4, 1)], sequence: 4, priority: 1 }));
    expect(admitted(admission)).toEqual(["urgent"]);
  });

  it("looks again at what waits when there is more of what it needs", () => {
    let slots = 1;
    const needs = [{ resource: "pool api", amount: 1, limit: () => slots }];
    const admission = admissionOf(...["a", "b", "c", "d"].map((name, sequence) => ticket(name, { needs, sequence })));
    expect(admitted(admission)).toEqual(["a"]);
    slots = 3;
    expect(admitted(admission)).toEqual([]);
    admission.reconsider();
    expect(admitted(admission)).toEqual(["b", "c"]);
  });

  it("lets what needs more than there is go alone", () => {
    const a = ticket("a", { needs: [slot("memory", 10, 50)], sequence: 1 });
    const b = ticket("b", { needs: [slot("memory", 10, 1)], sequence: 2 });
    const admission = admissionOf(a, b);
    expect(admitted(admission)).toEqual(["a"]);
    admission.release(a);
    expect(admitted(admission)).toEqual(["b"]);
  });

  it("adds shares of processors up to a whole", () => {
    // 0.1 + 0.1 + 0.1 is more than 0.3, for a computer.
    const tickets = [1, 2, 3, 4].map((item) => ticket(`${item}`, { needs: [slot("cpus", 0.3, 0.1)], item }));
    expect(admitted(admissionOf(...tickets))).toHaveLength(3);
  });

  it("lets the next one have what was kept for one that is no longer due", () => {
    let gone = false;
    const admission = createAdmission<Named>(({ name }) => name !== "big" || !gone);
    admission.add(ticket("holder", { needs: [slot("cpus", 4, 3)] }));
    admission.add(ticket("big", { needs: [slot("cpus", 4, 2)], sequence: 2 }));
    admission.add(ticket("small", { needs: [slot("cpus", 4, 1)], sequence: 3 }));
    expect(admitted(admission)).toEqual(["holder"]);
    gone = true;
    admission.reconsider();
    expect(admitted(admission)).toEqual(["small"]);
  });

  it("passes over what is no longer due, wherever it waits", () => {
    const gone = new Set<string>();
    const admission = createAdmission<Named>(({ name }) => !gone.has(name));
    const needs = [slot("pool api", 1)];
    const holder = ticket("holder", { needs, sequence: 0 });
    for (const each of [
      holder,
      ticket("a", { needs, sequence: 1 }),
      ticket("b", { needs, sequence: 2 }),
      // In a lane of its own, behind the same pool.
      ticket("c", { needs: [...needs, slot("key k", 1)], sequence: 3 }),
    ])
      admission.add(each);
    expect(admitted(admission)).toEqual(["holder"]);
    gone.add("a").add("b");
    admission.release(holder);
    expect(admitted(admission)).toEqual(["c"]);
    expect([admission.waiting, admission.live.size]).toEqual([0, 1]);
  });

  /** Those that have to wait as the world is, looked up the long way. What one of them lacks is kept for it. */
  function blocked(live: Iterable<Named>, waiting: readonly Named[]): Set<Named> {
    const held = [...live];
    const found = new Set<Named>();
    const kept = new Set<string>();
    for (const candidate of waiting.toSorted((left, right) => (goesBefore(left, right) ? -1 : 1))) {
      const lacks = candidate.needs.filter(({ resource, amount, limit }) => {
        const holders = held.filter(({ needs }) => needs.some((need) => need.resource === resource));
        const used = holders.reduce(
          (sum, { needs }) => sum + needs.find((need) => need.resource === resource)!.amount,
          0,
        );
        return (holders.length > 0 && used + amount > limit()) || kept.has(resource);
      });
      if (lacks.length === 0) continue;
      found.add(candidate);
      for (const { resource } of lacks) kept.add(resource);
    }
    return found;
  }

  const limits: Readonly<Record<string, number>> = { "pool a": 2, "pool b": 3, "key k": 1, cpus: 4 };
  const anyTicket = fc.record({
    needs: fc.uniqueArray(
      fc
        .tuple(fc.constantFrom(...Object.keys(limits)), fc.integer({ min: 1, max: 3 }))
        .map(([resource, amount]) => slot(resource, limits[resource]!, amount)),
      { selector: ({ resource }) => resource, maxLength: 3 },
    ),
    priority: fc.integer({ min: 0, max: 1 }),
    backfill: fc.boolean(),
    position: fc.nat(2),
  });
  const anyStory = fc.array(
    fc.oneof(
      { weight: 3, arbitrary: anyTicket.map((draft) => ({ type: "add" as const, draft })) },
      { weight: 2, arbitrary: fc.nat().map((index) => ({ type: "release" as const, index })) },
      { weight: 1, arbitrary: fc.nat().map((index) => ({ type: "forget" as const, index })) },
      {
        weight: 2,
        arbitrary: fc.integer({ min: 1, max: 5 }).map((capacity) => ({ type: "admit" as const, capacity })),
      },
    ),
    { maxLength: 80, size: "max" },
  );

  it("never exceeds a limit, keeps nobody waiting without a reason, and gets everybody through", () => {
    fc.assert(
      fc.property(anyStory, (story) => {
        const gone = new Set<string>();
        const admission = createAdmission<Named>(({ name }) => !gone.has(name));
        let waiting: Named[] = [];
        let made = 0;
        let forgotten = false;
        const admit = (capacity: number): void => {
          // Of those that are no longer due it has to be told.
          if (forgotten) admission.reconsider();
          forgotten = false;
          for (let count = 0; count < capacity; count += 1) {
            const before = [...admission.live];
            const next = admission.next();
            const due = waiting.filter(({ name }) => !gone.has(name));
            const waits = blocked(before, due);
            if (next === null) {
              for (const each of due) expect(waits.has(each), `${each.name} waits for nothing`).toBe(true);
              return;
            }
            expect(blocked(before, [next]).has(next), `${next.name} takes too much`).toBe(false);
            for (const other of due)
              if (other !== next && goesBefore(other, next))
                expect(waits.has(other), `${other.name} was overtaken`).toBe(true);
            waiting = waiting.filter((each) => each !== next);
          }
        };
        for (const event of story) {
          if (event.type === "add") {
            made += 1;
            const added = ticket(`t${made}`, { ...event.draft, lane: laneOf(event.draft.needs), sequence: made });
            waiting.push(added);
            admission.add(added);
          } else if (event.type === "release") {
            const live = [...admission.live];
            if (live.length > 0) admission.release(live[event.index % live.length]!);
          } else if (event.type === "forget") {
            if (waiting.length > 0) gone.add(waiting[event.index % waiting.length]!.name);
            forgotten = true;
          } else admit(event.capacity);
        }
        // Whoever is left gets through when those before give back what they hold.
        for (let round = 0; round <= made; round += 1) {
          admit(made + 1);
          for (const live of admission.live) admission.release(live);
        }
        expect(waiting.filter(({ name }) => !gone.has(name))).toEqual([]);
        expect([admission.waiting, admission.live.size]).toEqual([0, 0]);
      }),
      { numRuns: 1_000 },
    );
  });

  it("does not look at all that wait for each that starts", () => {
    let looks = 0;
    const admission = createAdmission<Named>(() => (looks += 1) > 0);
    const count = 10_000;
    const lanes = 100;
    for (let item = 0; item < count; item += 1)
      admission.add(ticket(`${item}`, { needs: [slot("pool", 1), slot(`key ${item % lanes}`, 1)], item }));
    let done = 0;
    for (let next = admission.next(); next !== null; next = admission.next()) {
      done += 1;
      admission.release(next);
    }
    expect(done).toBe(count);
    expect(looks).toBeLessThan(count * 4);
  });
});
