// sluice trigger: tells of an event, which starts the pipelines that wait for it.
import { randomUUID } from "node:crypto";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { exitCodes } from "../exit-codes.ts";
import { withAccess } from "../engine-access.ts";
import { runProgress } from "../follow-run.ts";
import { interruptible } from "../interruptible.ts";
import { paramOptions, paramsOf } from "../params.ts";
import { noWaitOption } from "../run-action.ts";

export const command: CommandDefinition = {
  examples: ["sluice trigger orders.ready", "sluice trigger orders.ready --key delivery-17 --partition 2026-01-05"],
  description:
    "Tells of an event. Every pipeline whose schedule waits for it ({ onEvent: … }) is asked to run once per key: telling " +
    "again with the same key changes nothing.",
  arguments: [{ name: "event", description: "name of the event" }],
  options: [
    { name: "key", value: "key", description: "what makes this event this one (default: a new one each time)" },
    { name: "partition", value: "key", description: "the partition to run" },
    ...paramOptions,
    noWaitOption,
  ],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  const progress = runProgress(context);
  const name = input.argument("event");
  const key = input.text("key") ?? randomUUID();
  const partition = input.text("partition") ?? null;
  const params = paramsOf(input, null);
  try {
    return await withAccess(
      context,
      { wait: !input.flag("no-wait"), onChange: progress.onChange, onLog: progress.onLog },
      async (access) => {
        const { engine } = access;
        for (const plan of engine?.plans.values() ?? []) progress.plans.set(plan.version, plan);
        const result = await access.instruct({ type: "event", name, key, partition, params });
        const { pipelines, paused } = result as { pipelines: readonly string[]; paused: readonly string[] };
        let interrupted = false;
        if (engine !== null && !input.flag("no-wait"))
          ({ interrupted } = await interruptible(context.io, engine, () => engine.settled()));
        progress.stop();
        await context.output.result({ event: name, key, pipelines, paused }, () =>
          pipelines.map((pipeline) => `${pipeline} runs, once for the key ${key}\n`).join(""),
        );
        for (const pipeline of paused) context.output.note(`${pipeline} is paused, and not asked to run`);
        return interrupted ? exitCodes.interrupted : exitCodes.ok;
      },
    );
  } finally {
    progress.stop();
  }
}
