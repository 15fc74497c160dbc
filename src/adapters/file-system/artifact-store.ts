// Artifacts as files in the state folder, named by their content. A file is flushed to the disk before it gets its
// name, and its name before the run's state may refer to it.
import { createHash, randomUUID } from "node:crypto";
import {
  createReadStream,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { pipeline as streamPipeline } from "node:stream/promises";
import type { Artifact, ArtifactStore } from "../../dataset/artifact-store.ts";
import { SluiceError } from "../../errors.ts";
import { flush } from "./durable-file.ts";

export interface ArtifactFolders {
  /** Where finished artifacts are kept. */
  readonly artifacts: string;
  /** Where files in the making are; on the same file system. */
  readonly temporary: string;
}

/** Files up to this many bytes are read at once: for small ones that costs a tenth of a stream. */
const wholeLimit = 16 * 1024 * 1024;

export function openArtifactStore(folders: ArtifactFolders): ArtifactStore {
  mkdirSync(folders.temporary, { recursive: true });
  const temporary = (suffix: string): string => join(folders.temporary, `${randomUUID()}${suffix}`);
  return {
    temporary,
    keep: async (path) => {
      const bytes = statSync(path).size;
      const hash =
        bytes <= wholeLimit ? createHash("sha256").update(readFileSync(path)).digest("hex") : await streamHash(path);
      return { path: moveTo(path, pathOf(folders.artifacts, hash, ".parquet")), hash, bytes } satisfies Artifact;
    },
    keepJson: async (text) => {
      const content = Buffer.from(text);
      const hash = createHash("sha256").update(content).digest("hex");
      const path = temporary(".json");
      writeFileSync(path, content);
      moveTo(path, pathOf(folders.artifacts, hash, ".json"));
      return { hash, bytes: content.length };
    },
    json: async (hash) => {
      try {
        return readFileSync(pathOf(folders.artifacts, hash, ".json"), "utf8");
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
        throw new SluiceError("HOME_UNUSABLE", `The output that was kept as ${hash} is not in ${folders.artifacts}`, {
          hint: "Files of the state folder were removed; run the step that made it again.",
          cause,
        });
      }
    },
  };
}

// Synchronous on purpose: a worker runs one attempt at a time, and each asynchronous file operation costs it a trip
// through the thread pool that is longer than the operation.
function moveTo(temporaryPath: string, path: string): string {
  const folder = dirname(path);
  if (keptAnew(path)) {
    rmSync(temporaryPath);
  } else {
    flush(temporaryPath);
    const made = mkdirSync(folder, { recursive: true });
    renameSync(temporaryPath, path);
    // A new folder's own name must be on the disk, too.
    if (made !== undefined) flush(dirname(made));
  }
  // Also where another worker has just given the file its name and not flushed it yet.
  flush(folder);
  return path;
}

/** Is there the same content already? It is then as young as if it were kept for the first time. */
function keptAnew(path: string): boolean {
  try {
    const now = new Date();
    utimesSync(path, now, now);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

function pathOf(root: string, hash: string, suffix: string): string {
  return join(root, hash.slice(0, 2), `${hash}${suffix}`);
}

async function streamHash(path: string): Promise<string> {
  const hash = createHash("sha256");
  await streamPipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}
