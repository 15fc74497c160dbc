// Serves a project over HTTP: the app, on top of the reader.
import type { Server } from "node:http";
import { isIP, type AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { SluiceError } from "../errors.ts";
import { createApp } from "../http/app.ts";
import { openReader } from "./reader.ts";

export interface ServeOptions {
  /** Path of the project's configuration file. */
  readonly configPath: string;
  /** 0 for any that is free. */
  readonly port: number;
  readonly host: string;
  readonly version: string;
}

export interface Service {
  readonly url: string;
  /** Stops listening; answers under way are finished. */
  close(): Promise<void>;
}

const loopback: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

export async function serveProject({ configPath, port, host, version }: ServeOptions): Promise<Service> {
  const reader = openReader(configPath);
  // On a loopback address it answers to loopback names only; elsewhere it can't know its names.
  const local = host === "localhost" || host === "::1" || host.startsWith("127.");
  const app = createApp({ reader, version, hosts: local ? [...new Set([urlHost(host), ...loopback])] : null });
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  try {
    await listen(server, port, host);
  } catch (error) {
    reader.close();
    throw error;
  }
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${urlHost(host)}:${bound}`,
    close: async () => {
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
      server.closeIdleConnections();
      await closed;
      reader.close();
    },
  };
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
