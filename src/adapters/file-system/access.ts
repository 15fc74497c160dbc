// What may be done with files and folders, without trying it on them.
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { homeUnusable } from "../../errors.ts";

/** May it be written, by this user? */
export function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** The folder, or what is there of the way to it: where it would be made. HOME_UNUSABLE where no folder can be there, or none may be read. */
export function placeOf(folder: string): string {
  let there = folder;
  while (!existsSync(there)) there = dirname(there);
  if (!statSync(there).isDirectory()) throw homeUnusable(`${folder} can't be a folder: ${there} is none`, undefined);
  try {
    accessSync(there, constants.R_OK | constants.X_OK);
  } catch (cause) {
    throw homeUnusable(`The folder ${there} may not be read`, cause);
  }
  return there;
}
