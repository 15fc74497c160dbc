// What changed in a table of PostgreSQL, by logical replication: plain data. Slots, publications and the protocol are the
// adapter's (adapters/postgres/changes.ts).
import type { Connection } from "../config.ts";
import { SluiceError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import type { Source } from "./source.ts";
import { tablePath } from "./sql-connection.ts";

/** Where the server keeps the changes until they have been loaded. */
export interface ChangesOptions {
  /**
   * The replication slot, one for each reader: a slot belongs to the pipeline and step that reads it. It is made by the first
   * reading, and keeps the server from throwing its log away until the step has read on. @default "sluice_" and the table's name
   */
  readonly slot?: string;
  /** The publication that has the table; made by the first reading where it isn't there. @default the slot's name */
  readonly publication?: string;
}

/** What the adapter is asked to read. */
export interface ChangesRequest {
  readonly table: readonly string[];
  readonly slot: string;
  readonly publication: string;
}

/** The source behind `connection.changes(…)`. */
export function changesSource(connection: Connection, table: string, options: ChangesOptions): Source {
  const path = tablePath(table);
  const slot =
    options.slot ??
    `sluice_${path
      .join("_")
      .toLowerCase()
      .replaceAll(/[^a-z0-9_]/g, "_")}`.slice(0, 63);
  if (!/^[a-z0-9_]{1,63}$/.test(slot)) {
    throw new SluiceError("DEFINITION_INVALID", `"${slot}" can't be the name of a replication slot`, {
      hint: "Use lower-case letters, digits and _, at most 63.",
    });
  }
  const request: ChangesRequest = { table: path, slot, publication: options.publication ?? slot };
  return Object.freeze({
    kind: "sluice.source",
    vendor: "postgres_changes",
    connection,
    request: request as unknown as JsonObject,
  });
}
