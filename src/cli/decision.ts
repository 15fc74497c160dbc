// A person's decision about a step: what approve and reject have in common.
import type { RunRecord } from "../engine/stores/run-store.ts";
import { SluiceError } from "../errors.ts";
import { listed, shellWord } from "../monitor/sentence.ts";
import type { EngineReader } from "../embedded/reader.ts";
import type { ArgumentDefinition, CommandContext, CommandInput, OptionDefinition } from "./command.ts";
import { actOnRun, noWaitOption } from "./run-action.ts";

export const decisionArguments: readonly ArgumentDefinition[] = [
  { name: "run", description: "id of the run, or as much of its beginning as names it alone" },
  { name: "step", description: "the step, where more than one waits", optional: true },
];

export const decisionOptions: readonly OptionDefinition[] = [
  { name: "note", value: "text", description: "why; it is kept with the decision" },
  noWaitOption,
];

export async function decide(
  context: CommandContext,
  input: CommandInput,
  decision: "approved" | "rejected",
): Promise<number> {
  return actOnRun(context, {
    run: input.argument("run"),
    wait: !input.flag("no-wait"),
    instruction: async (record, { engine, reader }) => {
      // A run that was just taken up again may not have come to the step yet.
      await engine?.settled();
      const step = input.argument("step") || (await onlyHeldStep(reader.store(), record));
      const note = input.text("note") ?? null;
      return { instruction: { type: "decide", run: record.id, step, decision, note }, step };
    },
    said: (record, step) => `${step} of ${record.id} is ${decision}`,
  });
}

/** The one step of the run that waits for a person. */
async function onlyHeldStep(store: EngineReader, { id }: RunRecord): Promise<string> {
  const held = (await store.steps(id)).filter((step) => step.status === "held" && step.awaits === "decision");
  if (held.length === 1) return held[0]!.name;
  const names = held.map((step) => step.name);
  throw new SluiceError(
    "USAGE",
    held.length === 0
      ? `No step of ${id} waits for a person to decide`
      : `${held.length} steps of ${id} wait for a person: ${listed(names)}`,
    { hint: held.length === 0 ? `See: sluice why ${shellWord(id)}` : "Name the step after the run." },
  );
}
