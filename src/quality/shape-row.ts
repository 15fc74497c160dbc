// A row schema from the shape of an object: its properties are the columns, and what else is said about the object is a
// condition on the row as a whole.
import { SluiceError } from "../errors.ts";
import { fieldOfShape } from "./column-field.ts";
import type { RowSchema } from "./schema.ts";
import { allOf, isAnything, type Shape, typesOf } from "./shape.ts";

export function rowOfShape(contract: string, shape: Shape): RowSchema {
  const parts = shape.op === "all" ? shape.of : [shape];
  const types = typesOf(shape);
  if (types.size !== 1 || !types.has("object"))
    refuse(contract, "its row is not an object", 'Say type: "object", with properties.');
  const properties = new Map<string, Shape[]>();
  const required = new Set<string>();
  const rest: Shape[] = [];
  let strict = false;
  const names = parts.flatMap((part) => (part.op === "property" ? [part.name] : []));
  for (const part of parts) {
    if (part.op === "property") properties.set(part.name, [...(properties.get(part.name) ?? []), part.of]);
    else if (part.op === "has" && names.includes(part.name)) required.add(part.name);
    else if (part.op === "types") continue;
    else if (part.op === "others" && part.patterns.length === 0 && names.every((name) => part.names.includes(name))) {
      if (isAnything(part.of)) continue;
      if (part.of.op !== "some" || part.of.of.length > 0)
        refuse(contract, "its row takes any other column of a certain shape", "Name the columns, or forbid others.");
      strict = true;
    } else rest.push(part);
  }
  if (properties.size === 0) refuse(contract, "its row has no columns", "Name at least one.");
  refuseTwins(contract, [...properties.keys()]);
  const whole = allOf(rest);
  return {
    fields: [...properties].map(([name, shapes]) => fieldOfShape(name, allOf(shapes), !required.has(name))),
    strict,
    shape: isAnything(whole) ? null : whole,
    residual: [],
  };
}

/** SQL can't tell columns apart that differ only in case. */
export function refuseTwins(contract: string, names: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const name of names) {
    const twin = seen.get(name.toLowerCase());
    if (twin !== undefined)
      refuse(
        contract,
        `column "${name}" differs from "${twin}" only in case`,
        "SQL can't tell such columns apart; rename one.",
      );
    seen.set(name.toLowerCase(), name);
  }
}

function refuse(contract: string, what: string, hint: string): never {
  throw new SluiceError("DEFINITION_INVALID", `Contract "${contract}": ${what}`, { hint, details: { contract } });
}
