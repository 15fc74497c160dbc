// A throwaway S3 store for tests: moto (PyPI: moto[server,s3]), which speaks the protocol with multipart uploads and conditional
// writes. It keeps everything in memory; nothing outlives `stop`. It answers one request after the other: with threads, two writers
// can both be told that they made the same object, which a store never does.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";

export interface S3Server {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** Why tests that need the server are skipped: a part of their titles. */
export const s3Missing =
  "SKIPPED: this machine has no S3 server; python3 -m venv .ci/.venv-s3 && .ci/.venv-s3/bin/pip install 'moto[server,s3]==5.2.5' to run them";

const program = `
import sys
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
run_simple("127.0.0.1", int(sys.argv[1]), DomainDispatcherApplication(create_backend_app), threaded=False)
`;

/** Starts a server of its own; null where it isn't installed, which in CI is an error. */
export async function startS3(): Promise<S3Server | null> {
  const python = join(import.meta.dirname, "../.ci/.venv-s3/bin/python");
  if (!existsSync(python)) {
    if (process.env["CI"] !== undefined) throw new Error(`CI must have moto: ${s3Missing}`);
    return null;
  }
  const port = await freePort();
  const server = spawn(python, ["-c", program, String(port)], { stdio: "ignore" });
  const onExit = (): void => void server.kill("SIGKILL");
  process.once("exit", onExit);
  const endpoint = `http://127.0.0.1:${port}`;
  await answering(endpoint, () => server.exitCode);
  return {
    endpoint,
    stop: async () => {
      process.removeListener("exit", onExit);
      if (server.exitCode !== null) return;
      const ended = new Promise((resolve) => server.once("exit", resolve));
      server.kill("SIGKILL");
      await ended;
    },
  };
}

async function answering(endpoint: string, exitCode: () => number | null): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (exitCode() !== null) throw new Error(`moto's server ended with ${exitCode()}`);
    const answered = await fetch(endpoint).then(
      () => true,
      () => false,
    );
    if (answered) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("moto's server does not answer");
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
