// sluice serve: the HTTP service, until it is interrupted.
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { packageVersion } from "../version.ts";

export const command: CommandDefinition = {
  examples: ["sluice serve", "sluice serve --port 0 --json"],
  description:
    "Serves, for reading only: a status page at /, Prometheus metrics at /metrics, health at /healthz, and runs, " +
    "quarantine, features and search under /api. It stops, with exit code 0, when it is interrupted.",
  options: [
    {
      name: "port",
      value: "n",
      description: "port to listen on; 0 for any that is free",
      number: { minimum: 0, maximum: 65_535 },
      default: 4400,
    },
    {
      name: "host",
      value: "host",
      description: "address to listen on; beyond this machine, everyone who reaches it can read",
      default: "127.0.0.1",
    },
  ],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  const configPath = await context.configPath();
  const { serveProject } = await import("../../embedded/serve.ts");
  const service = await serveProject({
    configPath,
    port: input.number("port") ?? 4400,
    host: input.text("host") ?? "127.0.0.1",
    version: packageVersion(),
  });
  const stopped = Promise.withResolvers<void>();
  const release = context.io.onInterrupt(() => stopped.resolve());
  try {
    await context.output.result({ url: service.url }, () => "");
    context.output.note(`serving ${service.url} (stop with Ctrl-C)`);
    await stopped.promise;
    await service.close();
    return 0;
  } finally {
    release();
  }
}
