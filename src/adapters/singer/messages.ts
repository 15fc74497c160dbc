// The messages of a tap, read one by one: a line that is none is an error that says which.
import { SluiceError } from "../../errors.ts";
import { isRecord, parseJson } from "../http/json.ts";
import { shortened } from "../http/refusal.ts";

/** A message that means something here; others of the specification, such as ACTIVATE_VERSION, are passed over. */
export type TapMessage =
  | { readonly type: "SCHEMA"; readonly stream: string; readonly schema: unknown }
  | { readonly type: "RECORD"; readonly stream: string; readonly record: unknown }
  | { readonly type: "STATE"; readonly value: unknown };

/** @param shown What the tap is called in errors. */
export function messageOf(
  line: string,
  number: number,
  shown: string,
  redact: (text: string) => string,
): TapMessage | null {
  if (line.trim() === "") return null;
  let message: unknown;
  try {
    // Every digit of a record's numbers is kept.
    message = parseJson(line);
  } catch {
    throw malformed(`${shown} has written something that is no message, in line ${number}`, line, redact);
  }
  if (!isRecord(message))
    throw malformed(`${shown} has written something that is no message, in line ${number}`, line, redact);
  const { type, stream } = message;
  switch (type) {
    case "SCHEMA":
    case "RECORD":
      if (typeof stream !== "string")
        throw malformed(`${shown} has written a ${type} without a stream, in line ${number}`, line, redact);
      return type === "SCHEMA"
        ? { type, stream, schema: message["schema"] }
        : { type, stream, record: message["record"] };
    case "STATE":
      return { type, value: message["value"] };
    case "BATCH":
      throw new SluiceError("SOURCE_MALFORMED", `${shown} sends batches as files, which are not read here`, {
        hint: "Leave batch_config out of its configuration: it then sends records.",
      });
    default:
      return null;
  }
}

function malformed(what: string, line: string, redact: (text: string) => string): SluiceError {
  return new SluiceError("SOURCE_MALFORMED", what, {
    hint: "A tap writes messages to stdout and nothing else; what it prints belongs on stderr.",
    details: { line: shortened(line, redact) },
  });
}
