// Looks whether the folder of an embedded warehouse may be read and written, or could be made.
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { ConnectionCheck } from "../../connect/connection-check.ts";
import { homeUnusable } from "../../errors.ts";
import { lakeFolder } from "./catalog.ts";
import { lakeTables } from "./read.ts";

/** Checks connections of the vendor "lake". */
export const checkLake: ConnectionCheck = async (connection, context) => {
  const folder = lakeFolder(connection, context);
  let there = folder;
  while (!existsSync(there)) there = dirname(there);
  if (!statSync(there).isDirectory())
    throw homeUnusable(`The warehouse can't lie in ${folder}: ${there} is no folder`, undefined);
  try {
    accessSync(there, constants.R_OK | constants.X_OK);
  } catch (cause) {
    throw homeUnusable(`The folder ${there} of the warehouse may not be read`, cause);
  }
  const tables = there === folder ? lakeTables(folder).length : 0;
  const server = `embedded warehouse, ${tables} ${tables === 1 ? "table" : "tables"}`;
  return { server, as: null, reads: true, writes: mayWrite(there) };
};

function mayWrite(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
