// sluice prune: deletes what is stored of runs that ended long ago.
import { dirname } from "node:path";
import { homeFolder } from "../../config.ts";
import { loadConfig } from "../../embedded/project.ts";
import { homeAt } from "../../embedded/home.ts";
import { pruneProfiles, pruneQuarantine, pruneRuns } from "../../embedded/prune.ts";
import { durationOf } from "../duration-option.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { exitCodes } from "../exit-codes.ts";
import { formatBytes, plural } from "../table.ts";

export const command: CommandDefinition = {
  examples: ["sluice prune --older-than 90d", "sluice prune --older-than 30d --keep 10"],
  description:
    "Deletes runs that ended longer ago than that, with their steps, logs and attempts, old cached results, and the files of " +
    "datasets and big outputs that nothing refers to any more. Of each " +
    "pipeline and partition the newest runs stay, and so does the newest that succeeded: what schedules, backfills and " +
    "waiting steps decide by is never deleted. Rows in quarantine that were set aside before that time go, too (or after as long as " +
    "`keepQuarantine` in the configuration says), and so do profiles of data, except the newest 30 of each step. It may be done " +
    "while a scheduler works.",
  options: [
    { name: "older-than", value: "time", description: "such as 90d or 12h", required: true },
    {
      name: "keep",
      value: "n",
      description: "newest runs of each pipeline and partition that stay",
      number: {},
      default: 1,
    },
  ],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  const now = Date.now();
  const before = new Date(now - durationOf("older-than", input.text("older-than")!));
  const keep = input.number("keep") ?? 1;
  const configPath = await context.configPath();
  const { keepQuarantine } = await loadConfig(configPath);
  const home = homeAt(homeFolder(dirname(configPath)));
  const { runs, artifacts, bytes } = await pruneRuns(home, before.getTime(), keep);
  const rows = await pruneQuarantine(home, keepQuarantine === undefined ? before.getTime() : now - keepQuarantine);
  const profiles = await pruneProfiles(home, before.getTime());
  await context.output.result(
    {
      deleted: runs,
      artifacts: { deleted: artifacts, bytes },
      quarantined: rows,
      profiles,
      before: before.toISOString(),
    },
    () =>
      `${plural(runs, "run")}, ${plural(artifacts, "artifact")} (${formatBytes(bytes)}), ${plural(rows, "row")} in ` +
      `quarantine and ${plural(profiles, "profile")} deleted\n`,
  );
  return exitCodes.ok;
}
