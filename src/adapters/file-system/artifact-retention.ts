// Finds artifacts that have not been kept anew for long, and deletes them one by one. Whether a run still refers to one
// is for the caller to know; that somebody keeps the same content at that very moment is seen here.
import { readdirSync, renameSync, rmSync, statSync, type Stats } from "node:fs";
import { join } from "node:path";

export interface OldArtifact {
  readonly hash: string;
  readonly path: string;
}

/** A file on its way out; one that was left like this by a process that died is as it was before. */
const leaving = ".leaving";

/** Those that were last kept before a time, in milliseconds since the epoch. */
export function* oldArtifacts(folder: string, before: number): Generator<OldArtifact> {
  for (const part of namesIn(folder)) {
    for (const name of namesIn(join(folder, part))) {
      const found = join(folder, part, name);
      const path = found.endsWith(leaving) ? found.slice(0, -leaving.length) : found;
      if (found !== path) renameSync(found, path);
      const stats = statsOf(path);
      if (stats !== null && stats.mtimeMs < before) yield { hash: name.slice(0, 64), path };
    }
  }
}

/** Deletes one, unless it has been kept anew since `before`. @returns Its bytes; null when it stays, or was gone already. */
export function deleteArtifact({ path }: OldArtifact, before: number): number | null {
  // Under another name nobody can keep it anew: what is found then stays true.
  const aside = `${path}${leaving}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  const { mtimeMs, size } = statSync(aside);
  if (mtimeMs >= before) {
    renameSync(aside, path);
    return null;
  }
  rmSync(aside);
  return size;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function statsOf(path: string): Stats | null {
  return statSync(path, { throwIfNoEntry: false }) ?? null;
}

function isMissing(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");
}
