// sluice list: what the project defines. The definitions come from a worker process, as those of a run do: the user's
// code is loaded there, and what it prints can't mix with the data printed here.
import { dirname } from "node:path";
import { homeFolder } from "../../config.ts";
import { openReader } from "../../embedded/reader.ts";
import { openWorkerPool } from "../../embedded/worker-pool.ts";
import { viewRun, type RunView } from "../../monitor/run-view.ts";
import { scheduleText } from "../../monitor/schedule-view.ts";
import { describePartitions } from "../../pipeline/partition.ts";
import type { Plan } from "../../pipeline/plan.ts";
import type { CommandContext, CommandDefinition } from "../command.ts";
import { formatTable } from "../table.ts";

export const command: CommandDefinition = {
  examples: ["sluice list", "sluice list --json | jq -r '.pipelines[].name'"],
  description:
    "Lists the project's pipelines with their steps and last run, its connections, feature views and indexes.",
  run,
};

interface Listing {
  readonly pipelines: readonly {
    readonly name: string;
    readonly file: string;
    readonly version: string;
    readonly partitions: Plan["partitions"];
    readonly schedule: Plan["schedule"];
    /** JSON Schema of the params a run takes. */
    readonly params: Plan["params"];
    readonly steps: readonly { readonly name: string; readonly kind: string; readonly dependsOn: readonly string[] }[];
    readonly lastRun: RunView | null;
  }[];
  readonly connections: readonly { readonly name: string; readonly vendor: string }[];
  readonly pools: readonly { readonly name: string; readonly slots: number }[];
  readonly featureViews: readonly string[];
  readonly indexes: readonly string[];
}

async function run(context: CommandContext): Promise<number> {
  const configPath = await context.configPath();
  const pool = await openWorkerPool({ configPath, homeFolder: homeFolder(dirname(configPath)) });
  await pool.close();
  using reader = openReader(configPath);
  const { plans, files, connections, pools } = pool.project;
  const listing: Listing = {
    pipelines: await Promise.all(
      plans.map(async (plan) => {
        const [last] = await reader.store().runs({ pipeline: plan.pipeline, limit: 1 });
        return {
          name: plan.pipeline,
          file: files[plan.pipeline] ?? "",
          version: plan.version,
          partitions: plan.partitions,
          schedule: plan.schedule,
          params: plan.params,
          steps: plan.steps.map(({ name, kind, dependsOn }) => ({ name, kind, dependsOn })),
          lastRun: last === undefined ? null : viewRun(last),
        };
      }),
    ),
    connections: Object.entries(connections).map(([name, vendor]) => ({ name, vendor })),
    pools: Object.entries(pools).map(([name, slots]) => ({ name, slots })),
    featureViews: named(plans, "materialize", (config) => (config["view"] as { view?: unknown } | undefined)?.view),
    indexes: named(plans, "sync", (config) => config["index"]),
  };
  await context.output.result(listing, () => listingText(listing));
  return 0;
}

/** Names that the steps of a kind have in their configuration, each once, in order. */
function named(plans: readonly Plan[], kind: string, nameIn: (config: Record<string, unknown>) => unknown): string[] {
  const names = plans.flatMap((plan) =>
    plan.steps.filter((step) => step.kind === kind).map((step) => nameIn(step.config as Record<string, unknown>)),
  );
  return [...new Set(names.filter((name) => typeof name === "string"))].sort();
}

function listingText({ pipelines, connections, pools, featureViews, indexes }: Listing): string {
  const sections = [
    pipelines.length === 0
      ? "No pipeline is defined in pipelines/.\n"
      : formatTable(
          [
            { title: "pipeline" },
            { title: "file" },
            { title: "schedule" },
            { title: "partitions" },
            { title: "steps" },
            { title: "last run" },
          ],
          pipelines.map((pipeline) => [
            pipeline.name,
            pipeline.file,
            pipeline.schedule === null ? "-" : scheduleText(pipeline.schedule),
            pipeline.partitions === null ? "-" : describePartitions(pipeline.partitions),
            pipeline.steps
              .map((step) => (step.name === step.kind ? step.name : `${step.name} (${step.kind})`))
              .join(", "),
            lastRunText(pipeline.lastRun),
          ]),
        ),
    connections.length === 0
      ? ""
      : formatTable(
          [{ title: "connection" }, { title: "vendor" }],
          connections.map(({ name, vendor }) => [name, vendor]),
        ),
    pools.length === 0
      ? ""
      : formatTable(
          [{ title: "pool" }, { title: "slots", align: "right" }],
          pools.map(({ name, slots }) => [name, String(slots)]),
        ),
    featureViews.length === 0
      ? ""
      : formatTable(
          [{ title: "feature view" }],
          featureViews.map((name) => [name]),
        ),
    indexes.length === 0
      ? ""
      : formatTable(
          [{ title: "index" }],
          indexes.map((name) => [name]),
        ),
  ];
  return sections.filter((section) => section !== "").join("\n");
}

function lastRunText(run: RunView | null): string {
  return run === null
    ? "-"
    : [run.partition, run.status, run.finishedAt ?? run.createdAt].filter((part) => part !== null).join(" ");
}
