// Port: where what webhooks deliver is kept until pipelines extract it, and after. A delivery that `keep` has answered is
// on disk; each has a position, and a greater one means that it was kept later.

/** What a sender has delivered. */
export interface Delivery {
  /** The connection it was sent to. */
  readonly inbox: string;
  /** What tells it from others of this inbox. */
  readonly id: string;
  /** JSON text. */
  readonly body: string;
  /** Milliseconds since the epoch, UTC. */
  readonly receivedAt: number;
}

/** A delivery that was kept. */
export interface KeptDelivery extends Delivery {
  readonly position: bigint;
}

/** Which of the deliveries of an inbox are read. */
export interface DeliveryRange {
  /** From this position on. */
  readonly from: bigint | null;
  /** Up to this position, itself not included. */
  readonly until: bigint | null;
  /** Received at this instant or later, in milliseconds. */
  readonly since: number | null;
  /** Received before this instant. */
  readonly before: number | null;
}

export interface DeliveryStore {
  /** Resolves once the delivery is on disk, with true; with false where one of its id was there before. */
  keep(delivery: Delivery): Promise<boolean>;
  /** In the order of their positions, in batches, all from one state of the store. */
  read(inbox: string, range: DeliveryRange): Generator<readonly KeptDelivery[]>;
  /** How many there are, and when the last one was received. */
  size(inbox: string): { readonly deliveries: number; readonly lastAt: number | null };
  close(): void;
}
