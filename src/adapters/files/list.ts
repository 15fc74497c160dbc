// Which files a pattern stands for: one, those that match a glob, or all of a folder.
import { existsSync, globSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { Dataset } from "../../dataset/dataset.ts";
import type { SourceAdapter, SourceContext } from "../../connect/source.ts";
import { SluiceError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";

/** A file to read. */
export interface SourceFile {
  /** Its name in messages, and what the files are ordered by. */
  readonly name: string;
  /** Where it lies on this machine. */
  readonly path: string;
}

/** What every request for files says; the formats say more. */
export interface FileRequest extends JsonObject {
  readonly pattern: string;
  readonly whenMissing: "fail" | "empty";
}

/** Reads files of one format as one dataset. */
export type FileReader = (
  files: readonly SourceFile[],
  request: JsonObject,
  context: SourceContext,
) => Promise<Dataset>;

/** The adapter of a format for files of this machine. `extensions` are those that a whole folder is looked through for. */
export function localFiles(read: FileReader, extensions: readonly string[]): SourceAdapter {
  return async (source, context) => {
    context.signal.throwIfAborted();
    return read(listFiles(source.request as FileRequest, context.folder, extensions), source.request, context);
  };
}

/** The files to read, in the order of their names; none where that means no rows. */
export function listFiles(request: FileRequest, folder: string, extensions: readonly string[]): SourceFile[] {
  const { pattern } = request;
  const found = (name: string): SourceFile => ({ name, path: resolve(folder, name) });
  if (!pattern.endsWith("/") && existsSync(resolve(folder, pattern))) return [found(pattern)];
  const isGlob = pattern.endsWith("/") || /[*?[{]/.test(pattern);
  const glob = pattern.endsWith("/") ? wholeFolder(pattern, extensions) : pattern;
  const matches = isGlob
    ? globSync(glob, { cwd: folder })
        .filter((file) => statSync(resolve(folder, file), { throwIfNoEntry: false })?.isFile())
        .sort()
    : [];
  if (matches.length > 0 || request.whenMissing === "empty") return matches.map(found);
  throw missing(pattern, isGlob ? folder : null, resolve(folder, pattern));
}

/** `in/` as a glob for all files below it that have one of the extensions. */
export function wholeFolder(pattern: string, extensions: readonly string[]): string {
  return extensions.length === 1 ? `${pattern}**/*.${extensions[0]}` : `${pattern}**/*.{${extensions.join(",")}}`;
}

export function missing(pattern: string, searched: string | null, path: string): SluiceError {
  return new SluiceError(
    "SOURCE_MISSING",
    searched === null ? `${path} does not exist` : `No file matches ${pattern} in ${searched}`,
    {
      hint: 'Check the path; where a missing file means that there is nothing to read, say whenMissing: "empty".',
      details: { pattern, folder: searched },
    },
  );
}
