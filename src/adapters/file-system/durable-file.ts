// Files and names that outlive a power cut. What a file holds is flushed by itself, a name by flushing its folder.
import { randomUUID } from "node:crypto";
import { closeSync, constants, copyFileSync, fsyncSync, linkSync, openSync, renameSync, rmSync } from "node:fs";
import { SluiceError } from "../../errors.ts";

/** Waits until what a file holds, or which names a folder has, is on disk. */
export function flush(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Gives a finished file another name: by a link, or a copy where links can't be. A name that is there stays, because whoever made it
 * meant the same file. The content is durable then, the name is not yet. NOT_FOUND where the file is gone.
 */
export function linkOrCopy(path: string, target: string): void {
  try {
    linkSync(path, target);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST") return;
    if (code === "ENOENT") {
      throw new SluiceError("NOT_FOUND", `The dataset's file ${path} is gone, so it can't be loaded`, {
        hint: "Run the step that made it again.",
        cause,
      });
    }
    if (code === "ENOSPC") throw cause;
    // Another file system, or one without links.
    const copy = `${target}.${randomUUID()}.tmp`;
    try {
      copyFileSync(path, copy, constants.COPYFILE_FICLONE);
      flush(copy);
      renameSync(copy, target);
    } catch (error) {
      rmSync(copy, { force: true });
      throw error;
    }
  }
}
