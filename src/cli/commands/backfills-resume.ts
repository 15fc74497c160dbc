// sluice backfills resume: a cancelled backfill goes on where it was.
import { createProgress } from "../progress.ts";
import { followBackfill } from "../../embedded/follow.ts";
import { viewBackfill } from "../../monitor/request-view.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { withAccess } from "../engine-access.ts";
import { exitCodes } from "../exit-codes.ts";
import { interruptible } from "../interruptible.ts";
import { noWaitOption } from "../run-action.ts";

export const command: CommandDefinition = {
  examples: ["sluice backfills resume retail_daily-6a1e0c52"],
  description: "Lets a cancelled backfill go on where it was.",
  arguments: [{ name: "backfill", description: "id of the backfill" }],
  options: [noWaitOption],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  const id = input.argument("backfill");
  const progress = createProgress({ io: context.io, now: Date.now, many: true });
  try {
    return await withAccess(
      context,
      { wait: !input.flag("no-wait"), onLog: progress.onLog },
      async ({ engine, reader, instruct }) => {
        await instruct({ type: "resume-backfill", backfill: id });
        let interrupted = false;
        if (engine !== null && !input.flag("no-wait")) {
          const { signal } = new AbortController();
          const target = {
            cancel: (reason: string) => {
              instruct({ type: "cancel-backfill", backfill: id }).catch(() => {});
              engine.cancel(reason);
            },
            close: engine.close,
          };
          ({ interrupted } = await interruptible(context.io, target, async () => {
            await followBackfill(reader, id, {
              signal,
              onCount: ({ pipeline, succeeded, failed, requested }) =>
                progress.onCount(pipeline, succeeded + failed, failed, requested),
            });
            await engine.settled();
          }));
        }
        progress.stop();
        const backfill = viewBackfill((await reader.store().backfill(id))!);
        await context.output.result({ backfill }, () => `backfill ${id} is ${backfill.status}\n`);
        return interrupted ? exitCodes.interrupted : backfill.failed > 0 ? exitCodes.failed : exitCodes.ok;
      },
    );
  } finally {
    progress.stop();
  }
}
