// sluice approve: a person lets a step that waits for a decision pass.
import type { CommandDefinition } from "../command.ts";
import { decide, decisionArguments, decisionOptions } from "../decision.ts";

export const command: CommandDefinition = {
  examples: [
    "sluice approve orders-2026-01-05-1c9f03aa",
    'sluice approve orders-2026-01-05-1c9f03aa ok --note "checked"',
  ],
  description:
    "Approves a step that waits for a person to decide, and lets the run go on: in the process that works on the project, " +
    "or here where there is none.",
  arguments: decisionArguments,
  options: decisionOptions,
  run: (context, input) => decide(context, input, "approved"),
};
