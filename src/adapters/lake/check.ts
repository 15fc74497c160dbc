// Looks whether the folder of an embedded warehouse may be read and written, or could be made.
import type { ConnectionCheck } from "../../connect/connection-check.ts";
import { mayWrite, placeOf } from "../file-system/access.ts";
import { lakeFolder } from "./catalog.ts";
import { lakeTables } from "./read.ts";

/** Checks connections of the vendor "lake". */
export const checkLake: ConnectionCheck = async (connection, context) => {
  const folder = lakeFolder(connection, context);
  const there = placeOf(folder);
  const tables = there === folder ? lakeTables(folder).length : 0;
  const server = `embedded warehouse, ${tables} ${tables === 1 ? "table" : "tables"}`;
  return { server, as: null, reads: true, writes: mayWrite(there) };
};
