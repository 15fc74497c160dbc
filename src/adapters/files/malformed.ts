// The error of a file that is not what it is declared to be: one line with the file's name.
import { SluiceError } from "../../errors.ts";

export function malformed(
  file: string,
  what: string,
  hint: string,
  details: Readonly<Record<string, unknown>> = {},
): SluiceError {
  return new SluiceError("SOURCE_MALFORMED", `${file}${what.startsWith("is ") ? " " : ": "}${what}`, {
    hint,
    details: { file, ...details },
  });
}
