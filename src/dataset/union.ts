// The kind of step that puts datasets under each other, column by column of the same name. It can do without some of them: what
// one source did not give keeps nothing of the others back.
import { SluiceError } from "../errors.ts";
import type { StepHandle, StepSpec } from "../pipeline/step.ts";
import { positionsBehind, type Dataset } from "./dataset.ts";
import { quoteIdentifier, quoteLiteral } from "./sql.ts";
import type { TransformNeeds } from "./transform.ts";
import { readDataset, writeQuery } from "./write-dataset.ts";

/** What a union adds to its rows. */
export interface UnionOptions {
  /** A column of this name says of each row which dataset it is from. @default none */
  readonly source?: string;
}

/**
 * All rows of all given datasets, matched by the names of their columns; a column that a dataset lacks is null in its rows, and
 * one that has several types gets the one that holds them all. Repeats stay.
 *
 * With a trigger that lets it run when a step before it has failed, it is the union of what there is; how the run ends, a step
 * says that needs all of them:
 *
 * ```ts
 * const events = step("events", union({ web, app }), { trigger: "all-done-min-one-succeeded" });
 * step("complete", task(() => {}), { after: [web, app] });
 * ```
 */
export function union(
  inputs: Readonly<Record<string, StepHandle<Dataset>>>,
  options: UnionOptions = {},
): StepSpec<Dataset, TransformNeeds> {
  const source = options.source ?? null;
  return {
    kind: "union",
    inputs,
    config: { source },
    execute: async (context, needs) => {
      const given = Object.entries(context.inputs as Record<string, Dataset | null>);
      const datasets = given.filter((entry): entry is [string, Dataset] => entry[1] !== null);
      const missing = given.filter(([, dataset]) => dataset === null).map(([name]) => name);
      if (datasets.length === 0) {
        throw new SluiceError(
          "NOT_FOUND",
          `Step "${context.step}" has nothing to unite: none of ${missing.join(", ")} is there`,
          {
            hint: 'Let it wait for one at least: trigger: "all-done-min-one-succeeded".',
          },
        );
      }
      if (missing.length > 0) context.log.warn(`united without ${missing.join(", ")}`, { missing });
      const clash =
        source === null ? undefined : datasets.find(([, { columns }]) => columns.some(({ name }) => name === source));
      if (clash !== undefined) {
        throw new SluiceError("DEFINITION_INVALID", `"${clash[0]}" has a column "${source}" of its own`, {
          hint: "Give the column that says where a row is from another name.",
        });
      }
      const parts = datasets.map(([name, dataset]) => {
        const mark = source === null ? "" : `, ${quoteLiteral(name)} AS ${quoteIdentifier(source)}`;
        return `SELECT *${mark} FROM ${readDataset(dataset)}`;
      });
      const session = await needs.session();
      const made = await writeQuery(session, needs.artifacts, parts.join("\nUNION ALL BY NAME "));
      const rowsIn = datasets.reduce((sum, [, dataset]) => sum + dataset.rows, 0);
      return {
        output: { ...made, ...positionsBehind(datasets.map(([, dataset]) => dataset)) },
        rows: { in: rowsIn, out: made.rows, duplicate: 0, quarantined: 0 },
      };
    },
  };
}
