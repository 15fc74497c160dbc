// sluice quarantine list: how many rows lie in quarantine, and what is wrong with most of them.
import { openReader } from "../../embedded/reader.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { formatCount, formatTable } from "../table.ts";

export const command: CommandDefinition = {
  examples: ["sluice quarantine list --pipeline retail_daily", "sluice quarantine list --json | jq 'map(.rows) | add'"],
  description:
    "Counts the rows in quarantine by pipeline, step, partition and run, with the most frequent reasons; the newest first.",
  options: [
    { name: "pipeline", value: "name", description: "only rows of this pipeline" },
    { name: "partition", value: "key", description: "only rows of this partition" },
  ],
  run,
};

const reasonsShown = 3;

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  using reader = openReader(await context.configPath());
  const [pipeline, partition] = [input.text("pipeline"), input.text("partition")];
  const groups = await reader.quarantine({
    ...(pipeline === undefined ? {} : { pipeline }),
    ...(partition === undefined ? {} : { partition }),
  });
  const listed = groups.map(({ at, delivery: _delivery, ...group }) => ({ ...group, at: new Date(at).toISOString() }));
  await context.output.result(listed, () =>
    formatTable(
      [
        { title: "pipeline" },
        { title: "step" },
        { title: "partition" },
        { title: "run" },
        { title: "rows", align: "right" },
        { title: "contract" },
        { title: "reasons" },
      ],
      groups.map((group) => [
        group.pipeline,
        group.step,
        group.partition ?? "-",
        group.runId,
        formatCount(group.rows),
        group.contract,
        reasonsText(group.reasons),
      ]),
    ),
  );
  if (groups.length === 0) context.output.note("no row is in quarantine");
  return 0;
}

function reasonsText(
  reasons: readonly { readonly path: string; readonly rule: string; readonly count: number }[],
): string {
  const named = reasons
    .slice(0, reasonsShown)
    .map((reason) => `${reason.path} ${reason.rule} (${formatCount(reason.count)})`);
  return [...named, ...(reasons.length > reasonsShown ? ["…"] : [])].join(", ");
}
