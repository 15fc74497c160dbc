// Which of the attempts that are due may start. Whatever an attempt needs (slots of a pool, its place under a concurrency
// key, a share of the machine) is held by the attempts that are live and by nothing else: a slot can't leak, because it is
// an entry of the set of those that hold it. An attempt that has to wait for something is not overtaken by a later one that
// needs the same, so that no stream of small ones keeps a big one waiting. Pure bookkeeping; nothing here starts anything.
import { createHeap, type Heap } from "./heap.ts";

/** Something that is shared. */
export interface Need {
  readonly resource: string;
  readonly amount: number;
  /** How much of it there is for this attempt, now. */
  readonly limit: () => number;
}

/** An attempt that is due, or live. */
export interface Ticket {
  readonly needs: readonly Need[];
  /** Equal for all that need the same. */
  readonly lane: string;
  /** Higher goes first. */
  readonly priority: number;
  /** Backfills give way to everything else of the same priority. */
  readonly backfill: boolean;
  /** Of the run; then of the step in its plan; then of the item in its step: lower goes first. */
  readonly sequence: number;
  readonly position: number;
  readonly item: number;
}

export interface Admission<Entry extends Ticket> {
  /** This attempt is due. */
  add(ticket: Entry): void;
  /** The next that may start; it is live from now on. Null when all that wait have to. */
  next(): Entry | null;
  /** This attempt is not live any more. Saying so twice is harmless. */
  release(ticket: Entry): void;
  /** Limits have changed, or some that wait are no longer due and keep others waiting. */
  reconsider(): void;
  /** How many wait; some of them may no longer be due. */
  readonly waiting: number;
  readonly live: ReadonlySet<Entry>;
}

/** Attempts with the same needs, in order: when the first can't start, none of them can. */
interface Lane<Entry> {
  readonly name: string;
  readonly tickets: Heap<Entry>;
  /** The resource it waits for; null when it is ready to be looked at. */
  parkedAt: Resource<Entry> | null;
  /** The resource it was let go from, and whose next lane is to be looked at after it. */
  cameFrom: Resource<Entry> | null;
}

/** A lane in a queue, under the ticket that was its first then. One that has moved or has another first is passed over. */
interface Place<Entry> {
  readonly lane: Lane<Entry>;
  readonly ticket: Entry;
}

interface Resource<Entry> {
  readonly holders: Set<Entry>;
  /** The sum of what the holders hold. Changed only together with the set. */
  used: number;
  readonly parked: Heap<Place<Entry>>;
}

/** Shares of CPUs add up only nearly. */
const tolerance = 1e-9;

/** Does the left one go first? */
export function goesBefore(left: Ticket, right: Ticket): boolean {
  if (left.priority !== right.priority) return left.priority > right.priority;
  if (left.backfill !== right.backfill) return right.backfill;
  if (left.sequence !== right.sequence) return left.sequence < right.sequence;
  if (left.position !== right.position) return left.position < right.position;
  return left.item < right.item;
}

/** `isDue` is asked of an attempt before it is let start: one that no longer is, is forgotten. */
export function createAdmission<Entry extends Ticket>(isDue: (ticket: Entry) => boolean): Admission<Entry> {
  const live = new Set<Entry>();
  const lanes = new Map<string, Lane<Entry>>();
  const resources = new Map<string, Resource<Entry>>();
  const placeBefore = (left: Place<Entry>, right: Place<Entry>): boolean => goesBefore(left.ticket, right.ticket);
  const ready = createHeap(placeBefore);
  let waiting = 0;

  function resourceOf(name: string): Resource<Entry> {
    let resource = resources.get(name);
    if (resource === undefined) {
      resource = { holders: new Set(), used: 0, parked: createHeap(placeBefore) };
      resources.set(name, resource);
    }
    return resource;
  }

  function forgetUnused(name: string, resource: Resource<Entry>): void {
    if (resource.holders.size === 0 && firstParked(resource) === null) resources.delete(name);
  }

  /** The first lane that waits for the resource. Places that no longer count are cleared away. */
  function firstParked(resource: Resource<Entry>): Place<Entry> | null {
    for (;;) {
      const place = resource.parked.first();
      if (place === undefined) return null;
      if (place.lane.parkedAt === resource && place.lane.tickets.first() === place.ticket) return place;
      resource.parked.take();
    }
  }

  /** Lets the first lane that waits for the resource be looked at again. */
  function reopen(resource: Resource<Entry>): void {
    const place = firstParked(resource);
    if (place === null) return;
    resource.parked.take();
    place.lane.parkedAt = null;
    place.lane.cameFrom = resource;
    ready.add(place);
  }

  /** What the ticket has to wait for; null when it may start. */
  function lacking(ticket: Entry): Resource<Entry> | null {
    for (const { resource: name, amount, limit } of ticket.needs) {
      const resource = resources.get(name);
      if (resource === undefined) continue;
      // What needs more than there is at all goes when nobody else has any.
      if (resource.holders.size > 0 && resource.used + amount > limit() + tolerance) return resource;
      const first = firstParked(resource);
      if (first !== null && goesBefore(first.ticket, ticket)) return resource;
    }
    return null;
  }

  function hold(ticket: Entry): void {
    live.add(ticket);
    for (const { resource: name, amount } of ticket.needs) {
      const resource = resourceOf(name);
      resource.holders.add(ticket);
      resource.used += amount;
    }
  }

  /** Looks at the lane of a place: hands out its first ticket, or parks it. */
  function tryLane({ lane, ticket }: Place<Entry>): Entry | null {
    const { cameFrom } = lane;
    lane.cameFrom = null;
    const missing = lacking(ticket);
    if (missing !== null) {
      lane.parkedAt = missing;
      missing.parked.add({ lane, ticket });
      // There is still room in what it was let go from, for somebody else.
      if (cameFrom !== null && cameFrom !== missing) reopen(cameFrom);
      return null;
    }
    lane.tickets.take();
    waiting -= 1;
    hold(ticket);
    settle(lane, cameFrom);
    return ticket;
  }

  /** Puts what is left of a lane back in the queue, and lets the one behind it come forward. */
  function settle(lane: Lane<Entry>, cameFrom: Resource<Entry> | null): void {
    const ticket = lane.tickets.first();
    if (ticket === undefined) lanes.delete(lane.name);
    else ready.add({ lane, ticket });
    if (cameFrom !== null) reopen(cameFrom);
  }

  return {
    live,
    get waiting() {
      return waiting;
    },
    add: (ticket) => {
      waiting += 1;
      let lane = lanes.get(ticket.lane);
      if (lane === undefined) {
        lane = { name: ticket.lane, tickets: createHeap<Entry>(goesBefore), parkedAt: null, cameFrom: null };
        lanes.set(ticket.lane, lane);
      }
      lane.tickets.add(ticket);
      if (lane.tickets.first() !== ticket) return;
      // What its lane waits for may be kept for another one that this ticket goes before.
      lane.cameFrom ??= lane.parkedAt;
      lane.parkedAt = null;
      ready.add({ lane, ticket });
    },
    next: () => {
      for (;;) {
        const place = ready.take();
        if (place === undefined) return null;
        const { lane, ticket } = place;
        if (lane.parkedAt !== null || lane.tickets.first() !== ticket) continue;
        if (isDue(ticket)) {
          const admitted = tryLane(place);
          if (admitted !== null) return admitted;
        } else {
          lane.tickets.take();
          waiting -= 1;
          const { cameFrom } = lane;
          lane.cameFrom = null;
          settle(lane, cameFrom);
        }
      }
    },
    reconsider: () => {
      for (const resource of resources.values()) reopen(resource);
    },
    release: (ticket) => {
      if (!live.delete(ticket)) return;
      for (const { resource: name, amount } of ticket.needs) {
        const resource = resources.get(name);
        if (resource === undefined || !resource.holders.delete(ticket)) continue;
        resource.used = resource.holders.size === 0 ? 0 : resource.used - amount;
        reopen(resource);
        forgetUnused(name, resource);
      }
    },
  };
}
