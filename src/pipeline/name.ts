// Names of pipelines, steps and groups: plain, so that they can stand in commands, files and queries.
import { SluiceError } from "../errors.ts";

/** DEFINITION_INVALID unless the name is a plain one. `what` says of what it is: "step", "pipeline". */
export function checkName(what: string, name: string): void {
  if (typeof name === "string" && /^[a-z][a-z0-9_]{0,63}$/.test(name)) return;
  throw new SluiceError("DEFINITION_INVALID", `"${name}" can't be the name of a ${what}`, {
    hint: "Use lower-case letters, digits and _, starting with a letter, at most 64.",
  });
}
