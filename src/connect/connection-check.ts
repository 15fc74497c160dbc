// Port: is a connection as the project needs it? A check reaches out as a step would, asks who answers and what may be
// done there, and changes nothing.
import type { Clock } from "../clock.ts";
import type { Connection, Setting } from "../config.ts";
import type { Log } from "../log.ts";

export interface CheckContext {
  /** Relative paths start here. */
  readonly folder: string;
  /** The project's state folder. */
  readonly home: string;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly clock: Clock;
  readonly resolve: (setting: Setting) => string;
}

/** What a check has found where nothing stands in the way. */
export interface ConnectionFindings {
  /** What answers, in a few words: "PostgreSQL 16.4". */
  readonly server: string;
  /** Who we are there; null where nobody is named. */
  readonly as: string | null;
  /** May we read there? Null where only trying would tell. */
  readonly reads: boolean | null;
  /** May we write there? Null where only trying would tell. */
  readonly writes: boolean | null;
}

/** Throws what stands in the way, as the step that needs the connection would. */
export type ConnectionCheck = (connection: Connection, context: CheckContext) => Promise<ConnectionFindings>;
