// Formats of dates in the words of strftime, as SQL. The engine's own parser knows the calendar; patterns hold it to
// one way of writing.
import { quoteLiteral } from "../../dataset/sql.ts";
import { refuseDefinition } from "./expectation.ts";

/** What each specifier of a format may stand for, in RE2. */
const specifiers: Readonly<Record<string, string>> = {
  Y: "[0-9]{4}",
  y: "[0-9]{2}",
  m: "[0-9]{1,2}",
  d: "[0-9]{1,2}",
  H: "[0-9]{1,2}",
  I: "[0-9]{1,2}",
  M: "[0-9]{1,2}",
  S: "[0-9]{1,2}",
  j: "[0-9]{1,3}",
  f: "[0-9]{1,6}",
  p: "(?i:AM|PM)",
  b: "[A-Za-z]{3}",
  B: "[A-Za-z]{3,9}",
  a: "[A-Za-z]{3}",
  A: "[A-Za-z]{6,9}",
  z: "(?:[+-][0-9]{2}:?[0-9]{2}|Z)",
  Z: "[A-Za-z/_]+",
  "%": "%",
};

/** SQL, given that of a text, that is true where it is a date in this format. Throws DEFINITION_INVALID for what is no format. */
export function dateFormatSql(format: string): (cell: string) => string {
  if (typeof format !== "string" || format === "")
    refuseDefinition("dateFormat", "there is no format", 'Write one, such as "%Y-%m-%d".');
  let pattern = "";
  for (let at = 0; at < format.length; at += 1) {
    const character = format[at]!;
    if (character !== "%") {
      pattern += character.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
      continue;
    }
    at += 1;
    const known = specifiers[format[at] ?? ""];
    if (known === undefined) {
      const names = Object.keys(specifiers).map((name) => `%${name}`);
      refuseDefinition("dateFormat", `"%${format[at] ?? ""}" is not known`, `Known are ${names.join(" ")}.`);
    }
    pattern += known;
  }
  const shape = quoteLiteral(`\\A${pattern}\\z`);
  return (cell) => `(regexp_matches(${cell}, ${shape}) AND try_strptime(${cell}, ${quoteLiteral(format)}) IS NOT NULL)`;
}
