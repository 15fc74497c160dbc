// sluice reject: a person does not let a step that waits for a decision pass.
import type { CommandDefinition } from "../command.ts";
import { decide, decisionArguments, decisionOptions } from "../decision.ts";

export const command: CommandDefinition = {
  examples: ['sluice reject orders-2026-01-05-1c9f03aa ok --note "the sums are off"'],
  description:
    "Rejects a step that waits for a person to decide. What becomes of it, and of what follows, the pipeline says " +
    "(onReject): it is skipped, or it fails.",
  arguments: decisionArguments,
  options: decisionOptions,
  run: (context, input) => decide(context, input, "rejected"),
};
