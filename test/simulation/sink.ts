// A sink as its port describes it, in memory: it takes a load key once, and refuses whoever has been overtaken.
import { SluiceError } from "../../src/errors.ts";

export interface Load {
  /** What is written to: nobody else writes there but later attempts, and later runs of the same thing. */
  readonly slot: string;
  readonly loadKey: string;
  readonly value: string;
  readonly fence: number;
}

export interface Writer {
  readonly name: string;
  readonly fence: number;
}

export interface Written extends Load {
  /** Who really wrote it: the load may say otherwise, where a fault was planted. */
  readonly by: Writer;
}

export interface SimulatedSink {
  /** Everything that was written, in order. */
  readonly written: readonly Written[];
  /** How often someone was refused. */
  readonly refused: number;
  /** One transaction: the check, the rows and the key. */
  load(load: Load, by: Writer): void;
}

export function createSink(): SimulatedSink {
  const written: Written[] = [];
  const keys = new Set<string>();
  const highest = new Map<string, number>();
  let refused = 0;
  return {
    written,
    get refused() {
      return refused;
    },
    load: (load, by) => {
      if (load.fence < (highest.get(load.slot) ?? 0)) {
        refused += 1;
        throw new SluiceError("FENCED", `A newer attempt has written to ${load.slot}`);
      }
      highest.set(load.slot, load.fence);
      if (keys.has(load.loadKey)) return;
      keys.add(load.loadKey);
      written.push({ ...load, by });
    },
  };
}
