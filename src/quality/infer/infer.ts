// Suggests a contract for a table and tries it on the table's own rows: what they break is taken back, and said.
import { z } from "zod";
import type { ArtifactStore } from "../../dataset/artifact-store.ts";
import type { Column, Dataset } from "../../dataset/dataset.ts";
import type { Session } from "../../dataset/session.ts";
import { writeQuery } from "../../dataset/write-dataset.ts";
import { type Contract, contract } from "../contract.ts";
import type { Profile } from "../profile/profile.ts";
import { profileRelation } from "../profile/scan.ts";
import { runVerdictPass } from "../verdict-pass.ts";
import { call, suggest } from "./suggest.ts";
import { schemaOf, type Suggestion } from "./suggestion.ts";

export interface InferRequest {
  readonly session: Session;
  readonly artifacts: ArtifactStore;
  /** SQL that stands in a FROM clause. */
  readonly relation: string;
  readonly columns: readonly Column[];
  /** Name of the contract. */
  readonly name: string;
}

export interface Inferred {
  readonly profile: Profile;
  readonly suggestions: readonly Suggestion[];
}

/** Suggestions that every row of the table satisfies. */
export async function inferContract(request: InferRequest): Promise<Inferred> {
  const { session, artifacts, relation, columns, name } = request;
  const dataset = await writeQuery(session, artifacts, `SELECT * FROM ${relation}`);
  const stored = dataset.columns;
  const profile = await profileRelation(session, relation, columns, { shapes: true, rows: dataset.rows });
  let suggestions = profile.columns.map((column, position) => suggest({ ...column, type: stored[position]!.type }));
  // Each round takes something back; the widest schema, any value, breaks nothing.
  for (let round = 0; round < 3 && dataset.rows > 0; round += 1) {
    const broken = await brokenColumns(request, dataset, contractOf(name, suggestions));
    if (broken.size === 0) break;
    suggestions = suggestions.map((suggestion) => {
      const rows = broken.get(suggestion.column);
      return rows === undefined ? suggestion : widened(suggestion, rows);
    });
  }
  return { profile, suggestions };
}

/** The contract that suggestions make. */
export function contractOf(name: string, suggestions: readonly Suggestion[]): Contract {
  const shape = Object.fromEntries(suggestions.map(({ column, calls }) => [column, schemaOf(calls)]));
  return contract(name, { row: z.strictObject(shape) });
}

async function brokenColumns(
  { session, artifacts }: InferRequest,
  dataset: Dataset,
  tried: Contract,
): Promise<Map<string, number>> {
  const broken = new Map<string, number>();
  await runVerdictPass({
    session,
    artifacts,
    contract: tried,
    dataset,
    duplicates: "keep",
    setAside: async (batches) => {
      let rows = 0;
      for await (const batch of batches) {
        rows += batch.length;
        for (const { reasons } of batch) {
          for (const column of new Set(
            reasons.map(({ path }) => tried.columns.find((name) => path === name || path.startsWith(`${name}.`))),
          )) {
            if (column !== undefined) broken.set(column, (broken.get(column) ?? 0) + 1);
          }
        }
      }
      return rows;
    },
  });
  return broken;
}

function widened({ column, calls, remarks }: Suggestion, rows: number): Suggestion {
  const [first, ...rest] = calls;
  const told = `${rows.toLocaleString("en-US")} ${rows === 1 ? "value is" : "values are"} not ${first!.name === "string" ? "such text" : first!.name}`;
  const isText = ["string", "email", "uuid", "enum", "iso.date", "timestamp"].includes(first!.name);
  const isNullable = rest.some(({ name }) => name === "nullable");
  // A plain text with a check loses the check; what is no text after that may be anything.
  const wider =
    isText && calls.length > (isNullable ? 2 : 1) + (first!.name === "string" ? 0 : -1)
      ? [call("string")]
      : [call("unknown")];
  return {
    column,
    calls: isNullable && wider[0]!.name === "string" ? [...wider, call("nullable")] : wider,
    remarks: [...remarks, told],
  };
}
