// sluice cancel: ends a run before its steps have.
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { openReader } from "../../embedded/reader.ts";
import { instructOnly } from "../instruct-only.ts";
import { actOnRun, noWaitOption } from "../run-action.ts";

export const command: CommandDefinition = {
  examples: ["sluice cancel retail_daily-2011-01-04-1c9f03aa", 'sluice cancel orders-1c9f03aa --reason "wrong day"'],
  description:
    "Cancels a run: attempts under way are stopped, steps that have not ended are cancelled, and teardowns run. " +
    "Given again while teardowns run, it cancels those too. What is asked for and has not begun is taken back, by its key.",
  arguments: [
    { name: "run", description: "id of the run, or as much of its beginning as names it alone; or key of a request" },
  ],
  options: [{ name: "reason", value: "text", description: "why; it is kept with the run" }, noWaitOption],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  const reason = input.text("reason") ?? "cancelled by a person";
  const key = input.argument("run");
  if (await isRequest(context, key)) {
    return instructOnly(context, { type: "cancel-run", run: key, reason }, () => ({
      value: { run: null, step: null, request: key },
      text: `${key} is taken back\n`,
    }));
  }
  return actOnRun(context, {
    run: input.argument("run"),
    wait: !input.flag("no-wait"),
    instruction: async ({ id }) => ({
      instruction: { type: "cancel-run", run: id, reason },
      step: null,
    }),
    said: ({ id }) => `${id} is told to stop`,
  });
}

async function isRequest(context: CommandContext, key: string): Promise<boolean> {
  using reader = openReader(await context.configPath());
  return (await reader.store().requests({ key })).length > 0;
}
