// What the service and each of its routes are made from.
import type { Reader } from "../embedded/reader.ts";

export interface AppOptions {
  readonly reader: Reader;
  /** This package's version. */
  readonly version: string;
  /** Host names under which it may be called, without ports; null for any. */
  readonly hosts: readonly string[] | null;
}
