// What the halves of the store in memory share: the runs, what finds them, and the requests they come from. Whatever is
// handed in or out is copied by way of JSON text, so that nobody shares an object with the store.
import type { InstructionRecord } from "./instruction.ts";
import type { RunRequest } from "./request-store.ts";
import type { RunRecord } from "./run-store.ts";

export interface MemoryTables {
  /** By id, in the order of their creation. */
  readonly runs: Map<string, MemoryRun>;
  /** Those that have not ended, in the same order. */
  readonly unfinished: Map<string, MemoryRun>;
  readonly byRequest: Map<string, MemoryRun>;
  /** By pipeline and then by partition; null for the runs without one. */
  readonly partitions: Map<string, Map<string | null, MemoryPartition>>;
  /** By key, in the order they were added. */
  readonly requests: Map<string, RunRequest>;
  /** By id, in the order they were added. */
  readonly instructions: Map<string, InstructionRecord>;
}

/** A run, with all that hangs on it. */
export interface MemoryRun {
  record: RunRecord;
  revision: number;
  /** The run's state without its steps, as text. */
  header: string;
  /** In plan order. */
  readonly steps: Map<string, MemoryStep>;
  readonly attempts: Map<string, string>;
  readonly live: Map<string, string>;
  readonly logs: {
    readonly position: number;
    readonly step: string;
    readonly item: number | null;
    readonly attempt: number;
    readonly text: string;
  }[];
  /** Keys of what hooks are told of it. */
  readonly notices: string[];
}

export interface MemoryStep {
  /** The step's state without its items. */
  text: string;
  items: string[] | null;
}

export interface MemoryPartition {
  newest: MemoryRun;
  succeeded: MemoryRun | null;
}

export function createTables(): MemoryTables {
  return {
    runs: new Map(),
    unfinished: new Map(),
    byRequest: new Map(),
    partitions: new Map(),
    requests: new Map(),
    instructions: new Map(),
  };
}

/** A value that shares nothing with the one it is made from. */
export function copy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

/** The first `limit` of them, and none more is looked at. */
export function first<T>(items: Iterable<T>, limit: number, matches: (item: T) => boolean = () => true): T[] {
  const found: T[] = [];
  for (const item of items) {
    if (found.length >= limit) break;
    if (matches(item)) found.push(item);
  }
  return found;
}
