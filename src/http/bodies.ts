// What the requests that change something say: the shapes of their bodies, checked; what doesn't fit is USAGE, in one line.
import type { Context } from "hono";
import { z } from "zod";
import type { BackfillMode } from "../engine/stores/instruction.ts";
import { SluiceError } from "../errors.ts";
import type { Json } from "../json.ts";
import type { PartitionSelection } from "../pipeline/partition.ts";

export interface EventBody {
  readonly key: string | null;
  readonly partition: string | null;
  readonly params: Json;
}

export interface RunBody {
  readonly partition: string | null;
  readonly params: Json;
}

export interface CancelBody {
  readonly reason: string | null;
}

export interface RerunBody {
  readonly scope: "from-failed" | "step" | "only" | "all";
  readonly step: string | null;
}

export interface DecideBody {
  readonly decision: "approved" | "rejected";
  readonly note: string | null;
}

export interface MarkBody {
  readonly as: "succeeded" | "failed" | "skipped";
  readonly reason: string;
}

export interface BackfillBody {
  readonly pipeline: string;
  readonly selection: PartitionSelection;
  readonly mode: BackfillMode;
  readonly parallel: number;
}

export interface PartitionKeysBody {
  readonly keys: readonly string[];
}

const json: z.ZodType<Json> = z.json() as z.ZodType<Json>;
const text: z.ZodString = z.string().min(1).max(1_000);
const optional: z.ZodType<string | null> = text.nullable().default(null);
const params: z.ZodType<Json> = json.default(null);
const name: z.ZodString = z.string().regex(/^[\w.-]{1,200}$/, "letters, digits, _, . and -, at most 200");

const selection: z.ZodType<PartitionSelection> = z.lazy(() =>
  z.discriminatedUnion("type", [
    z.strictObject({ type: z.literal("range"), from: text, to: text }),
    z.strictObject({ type: z.literal("keys"), keys: z.array(text).min(1).max(100_000) }),
    z.strictObject({ type: z.literal("all") }),
    z.strictObject({ type: z.literal("each"), dimensions: z.record(text, selection) }),
  ]),
);

/** By the address they belong to. */
export const bodies: {
  readonly event: z.ZodType<EventBody>;
  readonly run: z.ZodType<RunBody>;
  readonly cancel: z.ZodType<CancelBody>;
  readonly rerun: z.ZodType<RerunBody>;
  readonly decide: z.ZodType<DecideBody>;
  readonly mark: z.ZodType<MarkBody>;
  readonly nothing: z.ZodType<object>;
  readonly backfill: z.ZodType<BackfillBody>;
  readonly partitionKeys: z.ZodType<PartitionKeysBody>;
} = {
  event: z.strictObject({ key: optional, partition: optional, params }),
  run: z.strictObject({ partition: optional, params }),
  cancel: z.strictObject({ reason: optional }),
  rerun: z.strictObject({
    scope: z.enum(["from-failed", "step", "only", "all"]).default("from-failed"),
    step: name.nullable().default(null),
  }),
  decide: z.strictObject({ decision: z.enum(["approved", "rejected"]), note: optional }),
  mark: z.strictObject({ as: z.enum(["succeeded", "failed", "skipped"]), reason: text }),
  nothing: z.strictObject({}),
  backfill: z.strictObject({
    pipeline: name,
    selection,
    mode: z.enum(["missing", "failed", "all"]).default("missing"),
    parallel: z.int().min(1).max(1_024).default(4),
  }),
  partitionKeys: z.strictObject({ keys: z.array(text).min(1).max(100_000) }),
};

/** The body of a request, checked. */
export async function bodyOf<T>(context: Context, schema: z.ZodType<T>): Promise<T> {
  const body: unknown = await context.req.json().catch((cause: unknown) => {
    throw new SluiceError("USAGE", "The body is not JSON", { hint: "Send {} where there is nothing to say.", cause });
  });
  const { success, data, error } = schema.safeParse(body);
  if (success) return data;
  const [issue] = error.issues;
  const where = issue === undefined || issue.path.length === 0 ? "The body" : `"${issue.path.join(".")}" in the body`;
  throw new SluiceError("USAGE", `${where} does not fit: ${issue?.message ?? "it is of another shape"}`, {
    hint: "See docs/reference/http.md for what it takes.",
  });
}
