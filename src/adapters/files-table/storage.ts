// Where the files of a table lie, and how its manifests come into being: on a file system, or in a bucket. What they say is
// manifest.ts; the order in which it happens is sink.ts.
import type { Manifest } from "./manifest.ts";

/** The files of one table. */
export interface TableStorage {
  /** The newest manifest; null where nothing was loaded. */
  latest(): Promise<Manifest | null>;
  /** Brings a finished local file under its name, durably. One that is there stays, as young as if it had just come. */
  bring(name: string, path: string): Promise<void>;
  /** Creates the manifest if there is none of its number yet; false where another load was faster. Durable when true. */
  commit(manifest: Manifest): Promise<boolean>;
  /** Takes back a manifest that turned out to be built on one long gone. */
  withdraw(manifest: Manifest): Promise<void>;
  /** Shows the files of a manifest where plain readers look for them; nothing where they look at the files themselves. */
  publish(manifest: Manifest): Promise<void>;
  /** Removes files that the manifest doesn't hold and that are older than `grace` milliseconds, and manifests long overtaken. */
  collect(manifest: Manifest, grace: number): Promise<void>;
}

/** Manifests that are kept, so that whoever was held up for long finds out. */
export const keptManifests = 100;

/** `0000000042.json`: in the order of their numbers by name. */
export function manifestName(number: number): string {
  return `${String(number).padStart(10, "0")}.json`;
}
