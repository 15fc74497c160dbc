// Tables of files on a file system. Data and manifests lie in `_sluice/<table>`; plain readers look into `<table>`, where every
// file is a link to the data of the newest load, put in place by a rename.
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { randomUUID } from "node:crypto";
import { publicFiles, type Manifest } from "./manifest.ts";
import { keptManifests, manifestName, type TableStorage } from "./storage.ts";
import { flush, linkOrCopy } from "../file-system/durable-file.ts";

/** Where the parts of a table lie. */
export interface TableFolders {
  readonly data: string;
  readonly manifests: string;
  /** What plain readers look into. */
  readonly shown: string;
}

export function tableFolders(folder: string, table: string): TableFolders {
  const own = join(folder, "_sluice", table);
  return { data: join(own, "data"), manifests: join(own, "manifests"), shown: join(folder, table) };
}

/** `onStep` is called after everything that stays when the process dies: for tests that kill it there. */
export function folderStorage(folders: TableFolders, onStep: (step: string) => void = () => {}): TableStorage {
  const { data, manifests, shown } = folders;
  return {
    latest: async () => {
      // Between listing and reading it may have been overtaken and cleared away: then there is a newer one.
      for (let tries = 0; ; tries += 1) {
        const newest = namesIn(manifests).findLast((name) => /^\d+\.json$/.test(name));
        if (newest === undefined) return null;
        try {
          return JSON.parse(readFileSync(join(manifests, newest), "utf8")) as Manifest;
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "ENOENT" || tries > 10) throw error;
        }
      }
    },
    bring: async (name, path) => {
      const target = join(data, name);
      if (existsSync(target)) {
        utimesSync(target, new Date(), new Date());
        return;
      }
      makeFolder(data);
      linkOrCopy(path, target);
      flush(target);
      flush(data);
      onStep(`brought ${name}`);
    },
    commit: async (manifest) => {
      makeFolder(manifests);
      const temporary = join(manifests, `.${randomUUID()}.tmp`);
      try {
        writeFileSync(temporary, `${JSON.stringify(manifest)}\n`);
        flush(temporary);
        onStep(`wrote manifest ${manifest.number}`);
        linkSync(temporary, join(manifests, manifestName(manifest.number)));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
        throw error;
      } finally {
        rmSync(temporary, { force: true });
      }
      flush(manifests);
      onStep(`committed ${manifest.number}`);
      return true;
    },
    withdraw: async (manifest) => rmSync(join(manifests, manifestName(manifest.number)), { force: true }),
    publish: async (manifest) => show(manifest, data, shown, onStep),
    collect: async (manifest, grace) => {
      const held = new Set(manifest.files.map(({ name }) => name));
      const old = (path: string): boolean =>
        (statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? Infinity) < Date.now() - grace;
      for (const name of namesIn(data))
        if (!held.has(name) && old(join(data, name))) rmSync(join(data, name), { force: true });
      for (const name of namesIn(manifests)) {
        const isOvertaken = name.startsWith(".") || Number.parseInt(name, 10) <= manifest.number - keptManifests;
        if (isOvertaken && old(join(manifests, name))) rmSync(join(manifests, name), { force: true });
      }
    },
  };
}

/** Makes what is shown the files of the manifest: each new one by a rename, then what is too much goes. */
function show(manifest: Manifest, data: string, shown: string, onStep: (step: string) => void): void {
  const wanted = publicFiles(manifest);
  for (const [path, name] of wanted) {
    const target = join(shown, path);
    const source = join(data, name);
    const inode = statSync(source, { throwIfNoEntry: false })?.ino;
    // Another load has come since, and has shown its own.
    if (inode === undefined) return;
    if (statSync(target, { throwIfNoEntry: false })?.ino === inode) continue;
    makeFolder(dirname(target));
    const temporary = join(dirname(target), `.${randomUUID()}.tmp`);
    try {
      linkOrCopy(source, temporary);
      renameSync(temporary, target);
    } finally {
      // A rename onto a link to the same file does nothing, and leaves it.
      rmSync(temporary, { force: true });
    }
    flush(dirname(target));
    onStep(`showed ${path}`);
  }
  for (const entry of existsSync(shown) ? readdirSync(shown, { recursive: true, withFileTypes: true }) : []) {
    const path = join(entry.parentPath, entry.name);
    const relative = path.slice(shown.length + 1).replaceAll("\\", "/");
    const isOurs = /(?:^|\/)part-\d{4,}\.\w+$/.test(relative);
    if (!entry.isFile() || !isOurs || wanted.has(relative)) continue;
    rmSync(path, { force: true });
    onStep(`removed ${relative}`);
  }
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

function makeFolder(folder: string): void {
  const made = mkdirSync(folder, { recursive: true });
  if (made !== undefined) flush(dirname(made));
}
