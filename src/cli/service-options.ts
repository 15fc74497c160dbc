// What serve and dev have in common: where they listen, who may change something, and what they say when they begin.
import { readToken, serviceToken } from "../config.ts";
import type { Service } from "../embedded/serve.ts";
import type { CommandContext, CommandInput, OptionDefinition } from "./command.ts";

export const serviceOptions: readonly OptionDefinition[] = [
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
    description:
      "address to listen on; beyond this machine, everyone who reaches it can read, unless SLUICE_READ_TOKEN is set",
    default: "127.0.0.1",
  },
  {
    name: "token",
    value: "text",
    description:
      "what requests that change something must bring (better: the variable SLUICE_TOKEN, which others don't see)",
  },
];

export function addressOf(input: CommandInput): {
  readonly port: number;
  readonly host: string;
  readonly token: string | null;
  readonly readToken: string | null;
} {
  return {
    port: input.number("port") ?? 4400,
    host: input.text("host") ?? "127.0.0.1",
    token: input.text("token") ?? serviceToken(),
    readToken: readToken(),
  };
}

/** Runs until it is interrupted, or its scheduler can't go on. A second interrupt ends it at once. */
export async function untilInterrupted(
  { io }: CommandContext,
  service: Service,
  close: (interrupted: boolean) => Promise<void>,
): Promise<void> {
  const stopped = Promise.withResolvers<void>();
  let interrupted = false;
  const release = io.onInterrupt(() => {
    if (interrupted) return io.exit(130);
    interrupted = true;
    stopped.resolve();
  });
  void service.engine?.broken.then(stopped.reject);
  try {
    await stopped.promise;
  } finally {
    await close(interrupted);
    release();
  }
}
