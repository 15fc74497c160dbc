// /api/runs and what lies below: runs with their steps, items, logs and reasons; and what can be done with one.
import { Hono } from "hono";
import type { RunFilter } from "../../engine/stores/run-store.ts";
import type { ItemStatus, RunStatus } from "../../engine/state-machine/state.ts";
import { currentPlan, explainStoredRun } from "../../embedded/explanations.ts";
import { readRunReport } from "../../embedded/run-report.ts";
import { SluiceError } from "../../errors.ts";
import { viewAttempt, viewDocument, viewItem, viewLiveAttempt, viewLogLine, viewRun } from "../../monitor/run-view.ts";
import type { Plan } from "../../pipeline/plan.ts";
import { planDiff } from "../../pipeline/plan-diff.ts";
import type { AppOptions } from "../app-options.ts";
import { bodies, bodyOf } from "../bodies.ts";
import { instruct, refuseIdempotencyKey } from "../instruct.ts";
import { choiceParameter, limitParameter, numberParameter, textParameters } from "../parameters.ts";
import type {
  DiffResponse,
  ItemsResponse,
  LogsResponse,
  RunResponse,
  RunReportResponse,
  RunsResponse,
  RunWhyResponse,
} from "../responses.ts";

const statuses: readonly RunStatus[] = ["running", "succeeded", "failed", "cancelled"];
const itemStatuses: readonly ItemStatus[] = ["queued", "retrying", "succeeded", "failed", "cancelled"];

export function runRoutes(options: AppOptions): Hono {
  const { reader } = options;
  return new Hono()
    .get("/", async (context) => {
      const status = choiceParameter(context, "status", statuses);
      const { before, ...filter } = textParameters(context, ["pipeline", "partition", "backfill", "before"]);
      const limit = limitParameter(context, 50, 1000);
      const runs = await reader.store().runs({
        ...(filter as RunFilter),
        ...(status === undefined ? {} : { status }),
        ...(before === undefined ? {} : { before: (await reader.findRun(before)).sequence }),
        limit,
      });
      const next = runs.length < limit ? null : runs.at(-1)!.id;
      return context.json({ runs: runs.map(viewRun), next } satisfies RunsResponse);
    })
    .get("/:id", async (context) => {
      const record = await reader.findRun(context.req.param("id"));
      const store = reader.store();
      const [steps, live, attempts, explanation] = await Promise.all([
        store.steps(record.id),
        store.live(record.id),
        store.attempts(record.id, { limit: 1000 }),
        explainStoredRun(reader, record),
      ]);
      return context.json({
        ...viewDocument(record, steps),
        attempts: [...live.map(viewLiveAttempt), ...attempts.map(viewAttempt)],
        explanation,
      } satisfies RunResponse);
    })
    .get("/:id/why", async (context) => {
      const record = await reader.findRun(context.req.param("id"));
      const explanation = await explainStoredRun(reader, record);
      return context.json({ run: viewRun(record), ...explanation } satisfies RunWhyResponse);
    })
    .get("/:id/report", async (context) => {
      const record = await reader.findRun(context.req.param("id"));
      return context.json((await readRunReport(reader, record, await options.secrets())) satisfies RunReportResponse);
    })
    .get("/:id/logs", async (context) => {
      const record = await reader.findRun(context.req.param("id"));
      const limit = limitParameter(context, 1000, 10_000);
      const after = numberParameter(context, "after") ?? 0;
      const lines = await reader.store().logs(record.id, {
        ...textParameters(context, ["step"]),
        ...numbers({ item: numberParameter(context, "item"), attempt: numberParameter(context, "attempt", 1) }),
        after,
        limit,
        tail: choiceParameter(context, "tail", ["true", "false"]) === "true",
      });
      const next = lines.at(-1)?.position ?? after;
      return context.json({ logs: lines.map(viewLogLine), next } satisfies LogsResponse);
    })
    .get("/:id/diff", async (context) => {
      const record = await reader.findRun(context.req.param("id"));
      const { to } = textParameters(context, ["to"]);
      const other = to === undefined ? null : await reader.findRun(to);
      const store = reader.store();
      const before = await knownPlan(store.plan(record.version), record.version);
      const after =
        other === null
          ? await currentPlan(reader, record.pipeline)
          : await knownPlan(store.plan(other.version), other.version);
      return context.json({
        pipeline: record.pipeline,
        before: { version: before.version, run: record.id },
        after: { version: after.version, run: other?.id ?? null },
        changes: planDiff(before, after),
      } satisfies DiffResponse);
    })
    .get("/:id/steps/:step/items", async (context) => {
      const record = await reader.findRun(context.req.param("id"));
      const status = choiceParameter(context, "status", itemStatuses);
      const limit = limitParameter(context, 100, 10_000);
      const from = numberParameter(context, "from") ?? 0;
      const filter = status === undefined ? {} : { status };
      const items = await reader.store().items(record.id, context.req.param("step"), { from, limit, ...filter });
      const next = items.length < limit ? null : items.at(-1)!.position + 1;
      return context.json({ items: items.map(viewItem), next } satisfies ItemsResponse);
    })
    .post("/:id/cancel", async (context) => {
      const { reason } = await bodyOf(context, bodies.cancel);
      const { id } = await reader.findRun(context.req.param("id"));
      return instruct(context, options, { type: "cancel-run", run: id, reason: reason ?? "cancelled by an API call" });
    })
    .post("/:id/rerun", async (context) => {
      refuseIdempotencyKey(context);
      const { scope, step } = await bodyOf(context, bodies.rerun);
      if ((scope === "step" || scope === "only") !== (step !== null)) {
        throw new SluiceError("USAGE", `A re-run of scope "${scope}" ${step === null ? "needs a" : "takes no"} step`, {
          hint: 'Name a step with the scopes "step" and "only", and with no other.',
        });
      }
      const { id } = await reader.findRun(context.req.param("id"));
      return instruct(context, options, { type: "rerun", run: id, scope, step }, 202);
    })
    .post("/:id/steps/:step/decide", async (context) => {
      const { decision, note } = await bodyOf(context, bodies.decide);
      const { id } = await reader.findRun(context.req.param("id"));
      const { step } = context.req.param();
      return instruct(context, options, { type: "decide", run: id, step, decision, note });
    })
    .post("/:id/steps/:step/mark", async (context) => {
      const { as, reason } = await bodyOf(context, bodies.mark);
      const { id } = await reader.findRun(context.req.param("id"));
      const { step } = context.req.param();
      return instruct(context, options, { type: "mark", run: id, step, as, reason });
    });
}

/** Without what is undefined. */
function numbers<K extends string>(given: Readonly<Record<K, number | undefined>>): { readonly [N in K]?: number } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    readonly [N in K]?: number;
  };
}

async function knownPlan(plan: Promise<Plan | null>, version: string): Promise<Plan> {
  const found = await plan;
  if (found !== null) return found;
  throw new SluiceError("NOT_FOUND", `The definition of version ${version.slice(0, 12)} is not stored`, {
    hint: "It may have been pruned.",
  });
}
