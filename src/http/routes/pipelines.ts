// /api/pipelines: what is defined, what it waits for and how its partitions stand; starting, pausing and unpausing it.
import { Hono } from "hono";
import { currentPlan, currentPlans, explainStoredPipeline, pipelineSituation } from "../../embedded/explanations.ts";
import { partitionStates } from "../../embedded/partition-states.ts";
import { partitionStates as states } from "../../monitor/partition-summary.ts";
import { viewSchedule } from "../../monitor/schedule-view.ts";
import { describePartitions } from "../../pipeline/partition.ts";
import type { AppOptions } from "../app-options.ts";
import { bodies, bodyOf } from "../bodies.ts";
import { idempotencyKey, instruct } from "../instruct.ts";
import { choiceParameter, limitParameter } from "../parameters.ts";
import { withPartitions } from "../partitioned.ts";
import type { PartitionsResponse, PipelinesResponse, WhyResponse } from "../responses.ts";

export function pipelineRoutes(options: AppOptions): Hono {
  const { reader } = options;
  return new Hono()
    .get("/", async (context) => {
      const now = Date.now();
      const pipelines = [];
      for (const plan of await currentPlans(reader)) {
        pipelines.push({
          name: plan.pipeline,
          version: plan.version,
          schedule: viewSchedule(await pipelineSituation(reader, plan.pipeline), now),
          partitions: plan.partitions === null ? null : describePartitions(plan.partitions),
          params: plan.params,
          steps: plan.steps.map(({ name, kind, dependsOn }) => ({ name, kind, dependsOn })),
        });
      }
      return context.json({ pipelines } satisfies PipelinesResponse);
    })
    .get("/:name/why", async (context) => {
      const { summary, reasons, command } = await explainStoredPipeline(reader, context.req.param("name"));
      return context.json({ summary, reasons, command } satisfies WhyResponse);
    })
    .get("/:name/partitions", async (context) => {
      const status = choiceParameter(context, "status", states);
      const plan = withPartitions(await currentPlan(reader, context.req.param("name")));
      const summary: PartitionsResponse = await partitionStates(reader.store(), plan, {
        lists: (state) => status === undefined || state === status,
        limit: limitParameter(context, 1000, 10_000),
        now: Date.now(),
      });
      return context.json(summary);
    })
    .post("/:name/runs", async (context) => {
      const { partition, params } = await bodyOf(context, bodies.run);
      const pipeline = context.req.param("name");
      return instruct(
        context,
        options,
        { type: "run", pipeline, partition, params, key: idempotencyKey(context) },
        202,
      );
    })
    .post("/:name/pause", async (context) => {
      await bodyOf(context, bodies.nothing);
      return instruct(context, options, { type: "pause", pipeline: context.req.param("name") });
    })
    .post("/:name/unpause", async (context) => {
      await bodyOf(context, bodies.nothing);
      return instruct(context, options, { type: "unpause", pipeline: context.req.param("name") });
    });
}
