// The files of this machine that a source stands for, each with what tells whether it has changed.
import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import type { FileSet, FileStamp } from "../../connect/source.ts";
import { SluiceError } from "../../errors.ts";
import { listFiles, type FileReader, type FileRequest } from "./list.ts";

/** `extensions` are those that a whole folder is looked through for. */
export function localFileSet(read: FileReader, extensions: readonly string[]): FileSet {
  return {
    list: async (source, known, context) => {
      context.signal.throwIfAborted();
      const request = source.request as FileRequest;
      // Files that were loaded may be cleared away: that there are none then is no mistake.
      const tolerant = known.size > 0 ? { ...request, whenMissing: "empty" as const } : request;
      const stamps: FileStamp[] = [];
      for (const { name, path } of listFiles(tolerant, context.folder, extensions)) {
        const version = versionOf(path);
        const before = known.get(name);
        const hash = before?.version === version ? before.hash : await hashOf(path, context.signal);
        stamps.push({ name, version, hash });
      }
      return stamps;
    },
    read: async (source, files, context) => {
      const found = files.map(({ name }) => ({ name, path: resolve(context.folder, name) }));
      const dataset = await read(found, source.request, context);
      // Whoever was still writing must not have been read by halves.
      const changed = files.find(({ name, version }) => versionOf(resolve(context.folder, name)) !== version);
      if (changed === undefined) return dataset;
      throw new SluiceError("SOURCE_UNAVAILABLE", `${changed.name} changed while it was read`, {
        hint: "Try again; have files written under another name and renamed when they are whole.",
        retryable: true,
        details: { file: changed.name },
      });
    },
  };
}

function versionOf(path: string): string {
  const status = statSync(path, { bigint: true, throwIfNoEntry: false });
  return status === undefined ? "gone" : `${status.size}:${status.mtimeNs}`;
}

async function hashOf(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash, { signal });
  return hash.digest("hex").slice(0, 32);
}
