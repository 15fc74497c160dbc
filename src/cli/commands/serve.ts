// sluice serve: the process that runs a project in production: its scheduler, with schedules, and HTTP beside it.
import type { Engine } from "../../embedded/engine.ts";
import { exitCodes } from "../exit-codes.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { durationOf } from "../duration-option.ts";
import { addressOf, serviceOptions, untilInterrupted } from "../service-options.ts";
import { plural } from "../table.ts";
import { packageVersion } from "../version.ts";

export const command: CommandDefinition = {
  examples: ["sluice serve", "sluice serve --read-only --port 0 --json"],
  description:
    "Runs the project: starts what schedules, events and people ask for, and takes up what an earlier process left. It " +
    "serves a status page at /, Prometheus metrics at /metrics, health at /healthz and the API under /api. One such " +
    "process works on a project at a time; with --read-only it only serves what is stored, beside that one. It stops, with " +
    "exit code 0, when it is interrupted or terminated: it starts no attempt any more, lets those under way end for as long " +
    "as --drain says, and ends the rest. Runs go on when it is started again.",
  options: [
    ...serviceOptions,
    {
      name: "drain",
      value: "time",
      description: "how long attempts under way may go on when it is told to stop; 0s ends them at once",
      default: "20s",
    },
    { name: "read-only", description: "serve what is stored; run and change nothing" },
  ],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  const configPath = await context.configPath();
  const { serveProject } = await import("../../embedded/serve.ts");
  const readOnly = input.flag("read-only");
  durationOf("drain", input.text("drain") ?? "20s");
  const service = await serveProject({
    configPath,
    ...addressOf(input),
    version: packageVersion(),
    engine: readOnly ? null : { command: context.typed },
  });
  await context.output.result({ url: service.url, readOnly, writing: service.writing }, () => "");
  const { output } = context;
  output.note(`serving ${service.url}${readOnly ? ", for reading only" : ""} (stop with Ctrl-C)`);
  if (service.engine !== null) {
    const scheduled = [...service.engine.plans.values()].filter((plan) => plan.schedule !== null).length;
    output.note(
      `${service.engine.plans.size} pipelines, ${scheduled} with a schedule; ${service.engine.recovered} runs taken up again`,
    );
    if (!service.writing)
      output.note("the API takes no changes: set SLUICE_TOKEN to let callers with the token make some");
  }
  await untilInterrupted(context, service, async (interrupted) => {
    try {
      if (interrupted && service.engine !== null) await drained(service.engine, input, output.note);
    } finally {
      await service.close();
    }
  });
  return exitCodes.ok;
}

/** Lets attempts under way end, and the hooks that are being told. */
async function drained(engine: Engine, input: CommandInput, note: (text: string) => void): Promise<void> {
  const drain = input.text("drain") ?? "20s";
  const limitMs = durationOf("drain", drain);
  if (limitMs > 0) {
    if (engine.underWay > 0)
      note(`${plural(engine.underWay, "attempt")} under way may end within ${drain}; interrupt again to stop at once`);
    await engine.drain(limitMs);
  }
  if (engine.underWay > 0) note(`${plural(engine.underWay, "attempt")} stopped, to be made again by the next start`);
}
