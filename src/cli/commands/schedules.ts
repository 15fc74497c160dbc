// sluice schedules: what starts pipelines by itself, when next, and what stops it.
import { engineSituation, pipelineSituation } from "../../embedded/explanations.ts";
import { viewSchedule, type ScheduleView } from "../../monitor/schedule-view.ts";
import type { CommandContext, CommandDefinition } from "../command.ts";
import { currentDefinitions } from "../definitions.ts";
import { formatTable } from "../table.ts";

export const command: CommandDefinition = {
  examples: ["sluice schedules", "sluice schedules --json | jq '.[] | select(.due != null) | .pipeline'"],
  description:
    "Lists the pipelines that have a schedule: what starts them, when next, since when a run is due that has not begun, " +
    "and how the last one ended.",
  run,
};

async function run(context: CommandContext): Promise<number> {
  using definitions = await currentDefinitions(context);
  const { reader, plans } = definitions;
  const now = Date.now();
  const schedules: ScheduleView[] = [];
  for (const plan of plans) {
    if (plan.schedule === null) continue;
    schedules.push(viewSchedule({ ...(await pipelineSituation(reader, plan.pipeline, plan)), plan }, now));
  }
  await context.output.result(schedules, () =>
    formatTable(
      [
        { title: "pipeline" },
        { title: "schedule" },
        { title: "next" },
        { title: "due since" },
        { title: "asked for", align: "right" },
        { title: "running", align: "right" },
        { title: "last run" },
      ],
      schedules.map((row) => [
        row.pipeline,
        row.schedule ?? "-",
        row.paused ? "paused" : (row.next ?? "-"),
        row.due ?? "-",
        String(row.waiting),
        String(row.active),
        row.lastRun === null ? "-" : `${row.lastRun.status} ${row.lastRun.finishedAt ?? row.lastRun.createdAt}`,
      ]),
    ),
  );
  if (schedules.length === 0) context.output.note("no pipeline has a schedule");
  else {
    const { holder, schedules: on } = engineSituation(reader, now);
    if (holder === null) context.output.note("no scheduler is running, so nothing starts by itself: sluice serve");
    else if (on === false) context.output.note(`${holder} works on the project and starts nothing by schedule`);
  }
  return 0;
}
