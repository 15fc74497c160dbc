// Sends rows to an HTTP API in requests of some rows each, in order. Each request has a key that is the same when it is sent
// again, and is noted once it was answered. What the API refuses is handed back with its words, row by row; nothing is
// dropped. It can't promise more than the API does: one that keeps no keys may take a request twice.
import { createHash } from "node:crypto";
import { systemClock, type Clock } from "../../clock.ts";
import type { EndpointRequest } from "../../connect/http-endpoint.ts";
import type { LoadOutcome, LoadRequest, Sink, SinkContext } from "../../connect/sink.ts";
import type { Session } from "../../dataset/session.ts";
import { quoteIdentifier } from "../../dataset/sql.ts";
import { readDataset } from "../../dataset/write-dataset.ts";
import { openClient, type ClientTools, type HttpClient } from "./client.ts";
import { openLoadJournal, type LoadJournal, type LoadProgress } from "./load-journal.ts";
import { deliver, type Line } from "./deliver.ts";
import { httpTools, sinkFaults } from "./request.ts";

/** The adapter with its own way to wait, roll dice, look up names and tell the time; what is left out is the real thing. */
export function createHttpSink(tools: Partial<ClientTools> & { readonly clock?: Clock } = {}): Sink {
  return {
    capabilities: { writes: ["append"], effect: "at-least-once", widens: false },
    load: (request, context) => load(request, context, { ...httpTools, clock: systemClock, ...tools }),
    // An API doesn't tell what it takes; it refuses what it doesn't.
    columns: async () => null,
    position: async (table, reader, context) =>
      withJournal(context, (journal) => journal.position(endpointOf(table), reader)),
    sample: async () => [],
  };
}

/** Loads into endpoints of the vendor "http". */
export const httpSink: Sink = createHttpSink();

async function load(
  request: LoadRequest,
  context: SinkContext,
  tools: ClientTools & { readonly clock: Clock },
): Promise<LoadOutcome> {
  context.signal.throwIfAborted();
  return withJournal(context, async (journal) => {
    const endpoint = endpointOf(request.table);
    const progress = journal.begin(endpoint, request);
    if (!progress.finished) {
      const client = openClient(request.table.connection, { ...context, clock: tools.clock }, sinkFaults, tools);
      try {
        await sendRest(request, progress, {
          journal,
          client,
          session: await context.session(),
          signal: context.signal,
        });
      } finally {
        client.close();
      }
      journal.finish(endpoint, request);
    }
    const refused = journal.refused(endpoint, request.loadKey);
    return { loaded: request.dataset.rows - refused.length, refused: { by: endpoint, rows: refused } };
  });
}

interface Sending {
  readonly journal: LoadJournal;
  readonly client: HttpClient;
  readonly session: Session;
  readonly signal: AbortSignal;
}

async function sendRest(
  request: LoadRequest,
  { done, taken }: LoadProgress,
  { journal, client, session, signal }: Sending,
): Promise<void> {
  const endpoint = endpointOf(request.table);
  const settings = request.table.request as unknown as EndpointRequest;
  const key = createHash("sha256")
    .update(JSON.stringify([endpoint, request.loadKey, request.dataset.hash, settings.batch]))
    .digest("hex");
  let refusedSoFar = journal.refused(endpoint, request.loadKey).length;
  for await (const lines of batchesOf(session, request, settings.batch, done)) {
    signal.throwIfAborted();
    const first = lines[0]!.record;
    const refused = await deliver(lines, `${key.slice(0, 40)}-${first}`, {
      client,
      request: settings,
      room: settings.maxRefused - refusedSoFar,
    });
    done += lines.length;
    taken += lines.length - refused.length;
    refusedSoFar += refused.length;
    journal.note(endpoint, request.loadKey, { done, taken, finished: false }, refused);
  }
}

/** The rows as JSON text, in the dataset's order, behind the first `skip`. */
async function* batchesOf(
  session: Session,
  { dataset }: LoadRequest,
  size: number,
  skip: number,
): AsyncGenerator<readonly Line[]> {
  if (dataset.rows <= skip) return;
  const fields = dataset.columns.map(
    ({ name, type }) => `${quoteIdentifier(name)}: ${jsonValue(quoteIdentifier(name), type)}`,
  );
  const query = `SELECT CAST(to_json({${fields.join(", ")}}) AS VARCHAR) AS line FROM ${readDataset(dataset)} OFFSET ${skip}`;
  // Not a stream: that ends in silence when anything else is run on the connection. This result spills if it must.
  const result = await session.connection.run(query);
  let record = skip;
  let batch: Line[] = [];
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    for (const [text] of chunk.getRows()) {
      batch.push({ record: (record += 1), text: String(text) });
      if (batch.length < size) continue;
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

/** JSON has no NaN, no infinity and no times: those become null, and ISO 8601 in UTC. */
function jsonValue(column: string, type: string): string {
  if (type === "DOUBLE" || type === "FLOAT") return `CASE WHEN isfinite(${column}) THEN ${column} END`;
  if (type === "TIMESTAMP WITH TIME ZONE") return `strftime(${column} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')`;
  if (type.startsWith("TIMESTAMP")) return `strftime(${column}, '%Y-%m-%dT%H:%M:%S.%f')`;
  return column;
}

function endpointOf({ connection, name }: LoadRequest["table"]): string {
  return `${connection.name}.${name}`;
}

async function withJournal<T>(context: SinkContext, work: (journal: LoadJournal) => T | Promise<T>): Promise<T> {
  const journal = openLoadJournal(context.home);
  try {
    return await work(journal);
  } finally {
    journal.close();
  }
}
