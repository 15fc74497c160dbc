// What features are about: a customer, a product. An entity is a name and the column that identifies it.
import { SluiceError } from "../errors.ts";

/** What features are about, and the column that names it. */
export interface Entity {
  readonly kind: "sluice.entity";
  readonly name: string;
  /** The column whose value tells one from another; compared as text. */
  readonly key: string;
}

/** How one entity is told from another. */
export interface EntityOptions {
  /** The identifying column. Rows in which it is null belong to no entity and are counted, not featured. */
  readonly key: string;
}

/**
 * Something that has features.
 *
 * ```ts
 * export const customer = entity("customer", { key: "customer_id" });
 * ```
 */
export function entity(name: string, options: EntityOptions): Entity {
  if (!isPlainName(name)) throw badName("an entity", name);
  if (typeof options?.key !== "string" || options.key === "") {
    throw new SluiceError("DEFINITION_INVALID", `The entity "${name}" has no key column`, {
      hint: `Name the column that identifies it: entity("${name}", { key: "${name}_id" }).`,
    });
  }
  return Object.freeze({ kind: "sluice.entity", name, key: options.key });
}

/** Lower-case letters, digits and _, starting with a letter, at most 64: fit for columns, files and metrics. */
export function isPlainName(name: unknown): name is string {
  return typeof name === "string" && /^[a-z][a-z0-9_]{0,63}$/.test(name);
}

/** The error for a name that isn't a plain one. */
export function badName(what: string, name: unknown): SluiceError {
  return new SluiceError("DEFINITION_INVALID", `"${String(name)}" can't be the name of ${what}`, {
    hint: "Use lower-case letters, digits and _, starting with a letter, at most 64.",
  });
}
