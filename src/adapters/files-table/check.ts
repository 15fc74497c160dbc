// Looks whether a folder of tables may be read and written, or could be made.
import { isAbsolute, resolve } from "node:path";
import type { ConnectionCheck } from "../../connect/connection-check.ts";
import { mayWrite, placeOf } from "../file-system/access.ts";

/** Checks connections of the vendor "folder". */
export const checkFolder: ConnectionCheck = async ({ settings }, context) => {
  const given = String(settings["folder"]);
  const folder = isAbsolute(given) ? given : resolve(context.folder, given);
  const there = placeOf(folder);
  const server = there === folder ? `the folder ${folder}` : `the folder ${folder}, which the first load makes`;
  return { server, as: null, reads: true, writes: mayWrite(there) };
};
