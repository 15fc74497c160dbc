// /api/backfills: asking for one, watching, cancelling and resuming it.
import { setImmediate as turn } from "node:timers/promises";
import { Hono } from "hono";
import { previewBackfill } from "../../engine/requests/backfill-preview.ts";
import type { BackfillStatus } from "../../engine/stores/request-store.ts";
import { currentPlan } from "../../embedded/explanations.ts";
import { dynamicKeys } from "../../embedded/partition-states.ts";
import { SluiceError } from "../../errors.ts";
import { viewBackfill } from "../../monitor/request-view.ts";
import type { AppOptions } from "../app-options.ts";
import { bodies, bodyOf } from "../bodies.ts";
import { instruct, refuseIdempotencyKey } from "../instruct.ts";
import { choiceParameter, limitParameter, textParameters } from "../parameters.ts";
import { withPartitions } from "../partitioned.ts";
import type { BackfillPreviewResponse, BackfillResponse, BackfillsResponse } from "../responses.ts";

const statuses: readonly BackfillStatus[] = ["running", "succeeded", "failed", "cancelled"];

export function backfillRoutes(options: AppOptions): Hono {
  const { reader } = options;
  return new Hono()
    .get("/", async (context) => {
      const status = choiceParameter(context, "status", statuses);
      const backfills = await reader.store().backfills({
        ...textParameters(context, ["pipeline"]),
        ...(status === undefined ? {} : { status }),
        limit: limitParameter(context, 50, 1000),
      });
      return context.json({ backfills: backfills.map(viewBackfill) } satisfies BackfillsResponse);
    })
    .get("/:id", async (context) => {
      const id = context.req.param("id");
      const backfill = await reader.store().backfill(id);
      if (backfill === null)
        throw new SluiceError("NOT_FOUND", `There is no backfill "${id}"`, { hint: "See: /api/backfills" });
      return context.json({ backfill: viewBackfill(backfill) } satisfies BackfillResponse);
    })
    .post("/", async (context) => {
      refuseIdempotencyKey(context);
      const backfill = await bodyOf(context, bodies.backfill);
      return instruct(context, options, { type: "backfill", ...backfill }, 202);
    })
    .post("/preview", async (context) => {
      const { pipeline, ...asked } = await bodyOf(context, bodies.backfill);
      const plan = withPartitions(await currentPlan(reader, pipeline));
      const store = reader.store();
      const preview = await previewBackfill(
        store,
        { ...asked, pipeline, partitions: plan.partitions },
        await dynamicKeys(store, plan),
        Date.now(),
        turn,
      );
      return context.json({ preview } satisfies BackfillPreviewResponse);
    })
    .post("/:id/cancel", async (context) => {
      await bodyOf(context, bodies.nothing);
      return instruct(context, options, { type: "cancel-backfill", backfill: context.req.param("id") });
    })
    .post("/:id/resume", async (context) => {
      await bodyOf(context, bodies.nothing);
      return instruct(context, options, { type: "resume-backfill", backfill: context.req.param("id") }, 202);
    });
}
