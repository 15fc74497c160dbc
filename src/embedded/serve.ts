// Serves a project: the scheduler with its schedules, and HTTP beside it; or HTTP alone, for reading.
import type { Server } from "node:http";
import { isIP, type AddressInfo } from "node:net";
import { dirname } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { systemClock } from "../clock.ts";
import { isSluiceError, SluiceError } from "../errors.ts";
import { createApp } from "../http/app.ts";
import type { Writing } from "../http/app-options.ts";
import type { ErrorResponse } from "../http/responses.ts";
import { openEngine, type Engine, type EngineOptions } from "./engine.ts";
import type { Home } from "./home.ts";
import { openInboxReceiver } from "./inbox-receiver.ts";
import { knownSecrets } from "./known-secrets.ts";
import { openReader } from "./reader.ts";

export interface ServeOptions {
  /** Path of the project's configuration file. */
  readonly configPath: string;
  /** 0 for any that is free. */
  readonly port: number;
  readonly host: string;
  readonly version: string;
  /** What whoever changes something must show; null for none, which is enough on a loopback address only. */
  readonly token: string | null;
  /** What whoever reads must show; null for none. @default null */
  readonly readToken?: string | null;
  /** The scheduler's options; null to serve what is stored and change nothing. */
  readonly engine: Pick<EngineOptions, "command" | "onChange" | "onLog"> | null;
}

export interface Service {
  readonly url: string;
  /** Null where it is for reading only. */
  readonly engine: Engine | null;
  /** Does it take requests that change something? */
  readonly writing: boolean;
  /** Stops listening, finishes answers under way, and stops the scheduler: its runs go on when it is started again. */
  close(): Promise<void>;
}

const loopback: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

export async function serveProject(options: ServeOptions): Promise<Service> {
  const { configPath, port, host, version } = options;
  const reader = openReader(configPath);
  const closers: (() => void | Promise<void>)[] = [reader.close];
  const closeAll = async (): Promise<void> => {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
  };
  try {
    if (options.engine !== null && reader.holder() !== null) throw busy(reader.home, reader.holder()!);
    // It listens before any run is begun: where the address is taken, nothing has been done.
    let answer: ReturnType<typeof createApp>["fetch"] = starting;
    let engine: Engine | null = null;
    const inboxes = openInboxReceiver({
      folder: dirname(configPath),
      deliveries: reader.home.deliveries,
      inboxes: () => engine?.project.inboxes ?? {},
      now: systemClock.now,
    });
    closers.push(inboxes.close);
    const server = createAdaptorServer({ fetch: (request, env) => answer(request, env) }) as Server;
    await listen(server, port, host);
    closers.push(() => stop(server));
    engine = options.engine === null ? null : await openScheduler(configPath, options.engine);
    if (engine !== null) closers.unshift(engine.close);
    // On a loopback address it answers to loopback names only; elsewhere it can't know its names.
    const local = host === "localhost" || host === "::1" || host.startsWith("127.");
    const hosts = local ? [...new Set([urlHost(host), ...loopback])] : null;
    const writing = writingOf(engine, options.token, local);
    answer = createApp({
      reader,
      version,
      hosts,
      writing,
      secrets: () => knownSecrets(configPath),
      inboxes: engine === null ? null : inboxes,
      readToken: options.readToken ?? null,
    }).fetch;
    const { port: bound } = server.address() as AddressInfo;
    return { url: `http://${urlHost(host)}:${bound}`, engine, writing: writing.allowed, close: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

function starting(): Response {
  const error = { code: "HOME_BUSY", message: "The service is starting", hint: "Ask again in a moment." } as const;
  return Response.json({ error } satisfies ErrorResponse, { status: 503, headers: { "Retry-After": "1" } });
}

async function stop(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
  server.closeIdleConnections();
  await closed;
}

async function openScheduler(configPath: string, options: NonNullable<ServeOptions["engine"]>): Promise<Engine> {
  try {
    return await openEngine({ ...options, configPath, schedules: true });
  } catch (error) {
    if (!isSluiceError(error) || error.code !== "HOME_BUSY") throw error;
    throw new SluiceError(error.code, error.message, { hint: busyHint, cause: error });
  }
}

const busyHint =
  "One scheduler works on a project at a time. Stop that one, or serve beside it for reading: sluice serve --read-only";

function busy(home: Home, holder: string): SluiceError {
  return new SluiceError("HOME_BUSY", `Another sluice process is working on ${home.folder} (${holder})`, {
    hint: busyHint,
  });
}

function writingOf(engine: Engine | null, token: string | null, local: boolean): Writing {
  if (engine === null) {
    return {
      allowed: false,
      reason: "This service is for reading only",
      hint: "Ask the process that works on the project, or give the command: sluice --help",
    };
  }
  // Whoever reaches a loopback address can do as much by the command; from elsewhere it takes proof.
  if (!local && token === null) {
    return {
      allowed: false,
      reason: "This service takes no changes: it can be reached from other machines, and has no token",
      hint: "Start it with SLUICE_TOKEN=…, or with --host 127.0.0.1.",
    };
  }
  return { allowed: true, instruct: engine.instruct, token };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const reasons: Readonly<Record<string, string>> = {
        EADDRINUSE: "something listens there already",
        EACCES: "it is not allowed",
        EADDRNOTAVAIL: "this machine has no such address",
        ENOTFOUND: "the name is unknown",
      };
      const reason = reasons[cause.code ?? ""] ?? cause.message;
      reject(
        new SluiceError("USAGE", `Can't listen on ${urlHost(host)}:${port}: ${reason}`, {
          hint: "Choose another --port (0 for any that is free) or --host.",
          cause,
        }),
      );
    });
    server.listen(port, host, resolve);
  });
}

function urlHost(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}
