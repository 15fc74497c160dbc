// The kind of step that makes a dataset from others by a query.
import type { StepHandle, StepSpec } from "../pipeline/step.ts";
import type { ArtifactStore } from "./artifact-store.ts";
import { positionsBehind, type Dataset } from "./dataset.ts";
import type { Session } from "./session.ts";
import { describeSql, inlineSql, quoteIdentifier, type Sql } from "./sql.ts";
import { readDataset, writeQuery } from "./write-dataset.ts";

export interface TransformNeeds {
  readonly session: () => Promise<Session>;
  readonly artifacts: ArtifactStore;
}

/**
 * A dataset made by `query`, which reads the given datasets as tables of those names.
 *
 * ```ts
 * const events = step("events", transform({ web, app }, sql`from web union all by name from app`));
 * ```
 */
export function transform(
  inputs: Readonly<Record<string, StepHandle<Dataset>>>,
  query: Sql,
): StepSpec<Dataset, TransformNeeds> {
  return {
    kind: "transform",
    inputs,
    config: { query: describeSql(query) },
    execute: async (context, needs) => {
      const session = await needs.session();
      const datasets = Object.entries(context.inputs as Record<string, Dataset>);
      const names = datasets.map(([name]) => quoteIdentifier(name));
      await session.run(
        datasets
          .map(
            ([name, dataset]) => `CREATE TEMP VIEW ${quoteIdentifier(name)} AS SELECT * FROM ${readDataset(dataset)};`,
          )
          .join("\n"),
      );
      try {
        const made = await writeQuery(session, needs.artifacts, inlineSql(query));
        const output = { ...made, ...positionsBehind(datasets.map(([, dataset]) => dataset)) };
        const rowsIn = datasets.reduce((sum, [, dataset]) => sum + dataset.rows, 0);
        return { output, rows: { in: rowsIn, out: output.rows, duplicate: 0, quarantined: 0 } };
      } finally {
        await session.run(names.map((name) => `DROP VIEW IF EXISTS temp.main.${name};`).join("\n"));
      }
    },
  };
}
