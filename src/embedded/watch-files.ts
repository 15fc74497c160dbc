// Tells when a file of the project's code has been saved. It watches folder by folder, because a recursive watch would
// also walk through node_modules and the state folder, which is written to all the time.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, watch, type Dirent, type FSWatcher } from "node:fs";
import { join, relative, resolve } from "node:path";

export interface FileWatch {
  close(): void;
}

export interface WatchOptions {
  readonly folder: string;
  /** Folders that are left out, beside node_modules and those that begin with a dot. */
  readonly without: readonly string[];
  /** Called with the files that were saved, relative to the folder, once nothing more has come for a moment. */
  readonly onChange: (files: readonly string[]) => void;
}

/** Files whose content a definition may depend on. */
const watched = /\.(?:[cm]?[jt]s|json|sql)$/;
/** How long after a change others are waited for, in milliseconds: an editor saves in several steps. */
const settleMs = 80;

export function watchFiles({ folder, without, onChange }: WatchOptions): FileWatch {
  const watchers = new Map<string, FSWatcher>();
  const ignored = new Set(without.map((path) => resolve(path)));
  /** What the files contained last: a file that was written with what it had is no change. */
  const contents = new Map<string, string>();
  const pending = new Set<string>();
  let timer: NodeJS.Timeout | null = null;
  let closed = false;

  const entriesOf = (path: string): Dirent[] => {
    try {
      return readdirSync(path, { withFileTypes: true });
    } catch {
      // The folder has just gone.
      return [];
    }
  };

  const isFolderOfOurs = (path: string, name: string): boolean =>
    name !== "node_modules" && !name.startsWith(".") && !ignored.has(path);

  function enter(path: string): void {
    if (closed || watchers.has(path)) return;
    const watcher = watch(path, () => look(path));
    watcher.on("error", () => leave(path));
    watchers.set(path, watcher);
    for (const entry of entriesOf(path)) {
      const child = join(path, entry.name);
      if (entry.isDirectory() && isFolderOfOurs(child, entry.name)) enter(child);
      else if (entry.isFile() && watched.test(entry.name)) contents.set(child, hashOf(child));
    }
  }

  function leave(path: string): void {
    watchers.get(path)?.close();
    watchers.delete(path);
  }

  /** Something has happened in a folder: what, is found by looking, because not every platform tells. */
  function look(path: string): void {
    const entries = entriesOf(path);
    const names = new Set(entries.map((entry) => join(path, entry.name)));
    for (const entry of entries) {
      const child = join(path, entry.name);
      if (entry.isDirectory() && isFolderOfOurs(child, entry.name) && !watchers.has(child)) {
        enter(child);
        // Files that came with the folder.
        for (const file of contents.keys()) if (file.startsWith(`${child}/`)) pending.add(file);
      } else if (entry.isFile() && watched.test(entry.name)) {
        const hash = hashOf(child);
        if (contents.get(child) !== hash) pending.add(child);
        contents.set(child, hash);
      }
    }
    for (const file of contents.keys()) {
      if (resolve(file, "..") !== path || names.has(file)) continue;
      contents.delete(file);
      pending.add(file);
    }
    for (const child of watchers.keys()) {
      if (resolve(child, "..") === path && !names.has(child)) forget(child);
    }
    if (pending.size > 0) settle();
  }

  /** A folder has gone, with all that was below it. */
  function forget(path: string): void {
    for (const child of watchers.keys()) if (child === path || child.startsWith(`${path}/`)) leave(child);
    for (const file of contents.keys()) {
      if (!file.startsWith(`${path}/`)) continue;
      contents.delete(file);
      pending.add(file);
    }
  }

  function settle(): void {
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(() => {
      timer = null;
      const files = [...pending].map((file) => relative(folder, file)).sort();
      pending.clear();
      if (!closed) onChange(files);
    }, settleMs);
  }

  enter(resolve(folder));
  return {
    close: () => {
      closed = true;
      if (timer !== null) clearTimeout(timer);
      for (const watcher of watchers.values()) watcher.close();
      watchers.clear();
    },
  };
}

function hashOf(file: string): string {
  try {
    return createHash("sha256").update(readFileSync(file)).digest("hex");
  } catch {
    // It has just gone, or may not be read: whatever it is next, it is something else.
    return "";
  }
}
