// sluice backfills cancel: a backfill asks for no more runs, and those under way are cancelled.
import type { CommandDefinition } from "../command.ts";
import { instructOnly } from "../instruct-only.ts";

export const command: CommandDefinition = {
  examples: ["sluice backfills cancel retail_daily-6a1e0c52"],
  description:
    "Cancels a backfill: what it has asked for and has not begun is taken back, and its runs under way are cancelled. What " +
    "has succeeded stays. It can be resumed.",
  arguments: [{ name: "backfill", description: "id of the backfill" }],
  run: (context, input) => {
    const backfill = input.argument("backfill");
    return instructOnly(context, { type: "cancel-backfill", backfill }, () => ({
      value: { backfill, status: "cancelled" },
      text: `backfill ${backfill} is cancelled\n`,
    }));
  },
};
