// What the tests of the HTTP source share: throwaway servers, and a source that reads them with waits that take no time.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, vi } from "vitest";
import { createHttpSource } from "../../../src/adapters/http/source.ts";
import type { ClientTools } from "../../../src/adapters/http/client.ts";
import { rejectNothing } from "../../../src/connect/rejected-rows.ts";
import { manualClock } from "../../../src/clock.ts";
import { resolveSetting } from "../../../src/config.ts";
import { http, type GetOptions, type HttpOptions } from "../../../src/connect/http.ts";
import type { SourceContext } from "../../../src/connect/source.ts";
import type { Dataset } from "../../../src/dataset/dataset.ts";
import { openSession, type Row, type Session } from "../../../src/dataset/session.ts";
import { readDataset } from "../../../src/dataset/write-dataset.ts";
import { silentLog } from "../../../src/log.ts";
import { temporaryArtifacts } from "../../conformance/sink.ts";

export type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => void;

let session: Session;
let folder: string;
let artifacts: ReturnType<typeof temporaryArtifacts>;
export const servers: Server[] = [];
/** Milliseconds of each wait between two tries, in the test so far. */
export const waits: number[] = [];
export const clock: ReturnType<typeof manualClock> = manualClock(Date.parse("2011-01-04T10:00:00Z"));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-http-"));
  await mkdir(join(folder, "spill"));
  session = await openSession({ temporaryFolder: join(folder, "spill") });
  artifacts = temporaryArtifacts();
  waits.length = 0;
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  vi.unstubAllEnvs();
  session.close();
  await artifacts.dispose();
  await rm(folder, { recursive: true, force: true });
});

/** Starts a server and answers its address. */
export async function serve(handler: Handler): Promise<string> {
  const server = createServer((request, response) => handler(request, response, new URL(request.url!, "http://x")));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export const json = (response: ServerResponse, body: unknown, headers: Record<string, string> = {}): void =>
  void response
    .writeHead(200, { "content-type": "application/json", ...headers })
    .end(typeof body === "string" ? body : JSON.stringify(body));

export const contextWith = (more: Partial<SourceContext> = {}): SourceContext => ({
  folder,
  home: folder,
  signal: new AbortController().signal,
  log: silentLog,
  clock,
  artifacts,
  session: async () => session,
  reject: rejectNothing,
  resolve: (setting) => resolveSetting(setting, folder),
  ...more,
});
const tools: Partial<ClientTools> = {
  sleep: async (milliseconds) => {
    waits.push(milliseconds);
    clock.advance(milliseconds);
  },
  random: () => 1,
};

interface Reading extends Partial<GetOptions> {
  readonly path?: string;
  readonly connection?: HttpOptions;
}

export const id = { id: "id" } as const;

export async function extract(
  url: string,
  { path = "/items", connection, ...options }: Reading = {},
  context: Partial<SourceContext> = {},
  more: Partial<ClientTools> = {},
): Promise<Dataset> {
  const source = http(url, connection)("catalogue").get(path, { records: "items", columns: id, ...options });
  // The plan is JSON: nothing of a source may be lost in it.
  return createHttpSource({ ...tools, ...more })(JSON.parse(JSON.stringify(source)), contextWith(context));
}
export async function read(url: string, reading: Reading = {}): Promise<Row[]> {
  const dataset = await extract(url, reading);
  const rows = await session.rows(`FROM ${readDataset(dataset)}`);
  expect(dataset.rows).toBe(rows.length);
  return rows;
}
interface Shown {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>>;
}

/** The error that the work ends with, whose message must be one line. */
export async function failure(work: Promise<unknown>): Promise<Shown> {
  const error = await work.then(
    () => expect.unreachable("it should have failed"),
    (thrown: unknown) => thrown as never,
  );
  expect((error as Error).message).not.toContain("\n");
  return error;
}
export const ids = (rows: readonly Row[]): number[] => rows.map((row) => Number(row["id"]));
export const numbers = (from: number, to: number): { id: number }[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => ({ id: from + i }));
