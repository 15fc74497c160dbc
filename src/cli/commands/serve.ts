// sluice serve: the process that runs a project in production: its scheduler, with schedules, and HTTP beside it.
import { exitCodes } from "../exit-codes.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { addressOf, serviceOptions, untilInterrupted } from "../service-options.ts";
import { packageVersion } from "../version.ts";

export const command: CommandDefinition = {
  examples: ["sluice serve", "sluice serve --read-only --port 0 --json"],
  description:
    "Runs the project: starts what schedules, events and people ask for, and takes up what an earlier process left. It " +
    "serves a status page at /, Prometheus metrics at /metrics, health at /healthz and the API under /api. One such " +
    "process works on a project at a time; with --read-only it only serves what is stored, beside that one. It stops, with " +
    "exit code 0, when it is interrupted; runs under way go on when it is started again.",
  options: [...serviceOptions, { name: "read-only", description: "serve what is stored; run and change nothing" }],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  const configPath = await context.configPath();
  const { serveProject } = await import("../../embedded/serve.ts");
  const readOnly = input.flag("read-only");
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
  await untilInterrupted(context, service, service.close);
  return exitCodes.ok;
}
