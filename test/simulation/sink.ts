// A sink as its port describes it, in memory: appends under a load key once, and refuses whoever has been overtaken.
import { SluiceError } from "../../src/errors.ts";

export interface Written {
  readonly table: string;
  readonly partition: string;
  readonly loadKey: string;
  readonly value: string;
}

export interface SimulatedSink {
  readonly written: readonly Written[];
  /** One transaction: the check, the rows and the key. */
  load(request: Written & { readonly fence: number }): void;
}

export function createSink(): SimulatedSink {
  const written: Written[] = [];
  const keys = new Set<string>();
  const highest = new Map<string, number>();
  return {
    written,
    load: ({ fence, ...row }) => {
      const slot = `${row.table}/${row.partition}`;
      if (fence < (highest.get(slot) ?? 0)) throw new SluiceError("FENCED", `A newer attempt has written to ${slot}`);
      highest.set(slot, fence);
      if (keys.has(row.loadKey)) return;
      keys.add(row.loadKey);
      written.push(row);
    },
  };
}
