// sluice rerun: a new run of what an earlier one did not finish, or of chosen steps of it.
import type { Instruction } from "../../engine/stores/instruction.ts";
import { SluiceError } from "../../errors.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { withAccess } from "../engine-access.ts";
import { followStarted, reportStarted, runProgress, type StartedRun } from "../follow-run.ts";

export const command: CommandDefinition = {
  examples: [
    "sluice rerun retail_daily-2011-01-04-1c9f03aa",
    "sluice rerun retail_daily-2011-01-04-1c9f03aa --step clean",
    "sluice rerun retail_daily-2011-01-04-1c9f03aa --only load",
  ],
  description:
    "Makes a new run of an earlier one, with the pipeline as it is defined now. Unless it is told otherwise, it runs what " +
    "did not succeed and what follows that; results of the other steps are taken over from the earlier run.",
  arguments: [{ name: "run", description: "id of the run, or as much of its beginning as names it alone" }],
  options: [
    { name: "from-failed", description: "what did not succeed, and what follows it; this is the default" },
    { name: "step", value: "name", description: "this step and what follows it" },
    { name: "only", value: "name", description: "this step alone" },
    { name: "all", description: "every step" },
    { name: "no-wait", description: "ask for the run and end; a scheduler runs it (sluice serve)" },
  ],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  const scope = scopeOf(input);
  const progress = runProgress(context);
  try {
    return await withAccess(
      context,
      { wait: !input.flag("no-wait"), onChange: progress.onChange, onLog: progress.onLog },
      async (access) => {
        for (const plan of access.engine?.plans.values() ?? []) progress.plans.set(plan.version, plan);
        const { id } = await access.reader.findRun(input.argument("run"));
        const started = (await access.instruct({ type: "rerun", run: id, ...scope })) as StartedRun;
        return input.flag("no-wait")
          ? reportStarted(context, access, started)
          : await followStarted(context, access, started, progress);
      },
    );
  } finally {
    progress.stop();
  }
}

function scopeOf(input: CommandInput): Pick<Extract<Instruction, { type: "rerun" }>, "scope" | "step"> {
  const [step, only] = [input.text("step"), input.text("only")];
  const given = [
    ...(input.flag("from-failed") ? ["--from-failed"] : []),
    ...(step === undefined ? [] : ["--step"]),
    ...(only === undefined ? [] : ["--only"]),
    ...(input.flag("all") ? ["--all"] : []),
  ];
  if (given.length > 1) {
    throw new SluiceError("USAGE", `${given.join(" and ")} can't be given together`, {
      hint: "Say with one of them what is to be run again.",
    });
  }
  if (step !== undefined) return { scope: "step", step };
  if (only !== undefined) return { scope: "only", step: only };
  return { scope: input.flag("all") ? "all" : "from-failed", step: null };
}
