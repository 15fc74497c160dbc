// One load into a database that speaks SQL, as the vendor's sink opens it: what the order of a load in load-once.ts asks for.
import type { LoadClient } from "./apply.ts";
import type { LoadDialect } from "./dialect.ts";
import type { LoadedColumn } from "./statements.ts";
import type { ColumnTypes, PresentColumn } from "./table-changes.ts";

export interface DestinationTypes extends ColumnTypes {
  /** For names, keys and partitions; they are compared letter by letter. */
  readonly text: string;
  readonly integer: string;
  /** For JSON, of any length. */
  readonly long: string;
  /** For the columns that keep history. */
  readonly time: string;
}

export interface Destination extends LoadClient {
  readonly dialect: LoadDialect;
  readonly types: DestinationTypes;
  /** The table, quoted and qualified. */
  readonly target: string;
  /** By which name the ledgers know the table. */
  readonly name: string;
  /** The ledgers of the table's schema, quoted and qualified. */
  readonly loads: string;
  readonly positions: string;
  rows(query: string): Promise<readonly (readonly (string | null)[])[]>;
  /** The columns of the table; null where there is no such table. */
  presentColumns(): Promise<readonly PresentColumn[] | null>;
  /** Keeps others from loading this table until `commit` or `rollback`. */
  begin(): Promise<void>;
  /** Changes the type of a column that is there. */
  widening(column: string, type: string): string;
  /** Makes a key quick to find in a new table; null where that needs nothing. */
  indexing(columns: readonly string[]): string | null;
  /** Where the staged rows are, for a FROM; the columns are those of the table that are loaded. */
  stage(columns: readonly LoadedColumn[]): Promise<string>;
  /** From here on everything is in one transaction; a database that can't change a schema in one has done so before. */
  schemaDone(): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}
