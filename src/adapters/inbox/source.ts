// Reads what webhooks have delivered, beside the service that takes more: all of it, or what came from a position on. A
// delivery becomes the record { position, delivery, received_at, body }, of which the source names the columns.
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DeliveryRange, KeptDelivery } from "../../connect/delivery-store.ts";
import type { InboxRequest } from "../../connect/inbox.ts";
import type { RangeReader, ReadRange, Source, SourceAdapter, SourceContext } from "../../connect/source.ts";
import type { Dataset } from "../../dataset/dataset.ts";
import { writeRows } from "../../dataset/write-dataset.ts";
import { isSluiceError, SluiceError } from "../../errors.ts";
import { parseJson, segments } from "../http/json.ts";
import { createRecordReader, type TextRow } from "../http/records.ts";
import { deliveriesFile, openDeliveryStore } from "../sqlite/delivery-store.ts";

/** Reads sources of the vendor "inbox". */
export const inboxSource: SourceAdapter = (source, context) => read(source, null, null, context);

/** Reads what was delivered from a position on. A position is given when the delivery is kept, so none comes late. */
export const inboxRange: RangeReader = async (source, range, context) => {
  checkCursor(source, range);
  const until = typeof range.until === "object" ? range.until : null;
  const dataset = await read(source, position(range.from?.text), position(until?.text), context);
  return { dataset, until };
};

async function read(
  source: Source,
  from: bigint | null,
  until: bigint | null,
  context: SourceContext,
): Promise<Dataset> {
  context.signal.throwIfAborted();
  const request = source.request as unknown as InboxRequest;
  const range: DeliveryRange = { from, until, since: instant(request.from), before: instant(request.to) };
  const columns = request.columns.map(({ name, type }) => ({ name, type }));
  const path = join(context.home, deliveriesFile);
  // Nothing has been delivered yet.
  if (!existsSync(path)) return writeRows(await context.session(), context.artifacts, columns, []);
  const store = openDeliveryStore(path, { readOnly: true });
  try {
    const rows = rowsOf(store.read(source.connection!.name, range), source, request, context.signal);
    return await writeRows(await context.session(), context.artifacts, columns, rows);
  } catch (error) {
    throw isSluiceError(error) && error.code === "QUERY_FAILED" ? misfit(error, source) : error;
  } finally {
    store.close();
  }
}

function* rowsOf(
  batches: Iterable<readonly KeptDelivery[]>,
  source: Source,
  request: InboxRequest,
  signal: AbortSignal,
): Generator<TextRow[]> {
  const shown = shownOf(source);
  const reader = createRecordReader(request.columns, shown);
  for (const batch of batches) {
    signal.throwIfAborted();
    yield reader.rows(batch.map(recordOf), shown);
  }
  reader.finish();
}

function recordOf(delivery: KeptDelivery): object {
  return {
    // As text: it may have more digits than a number.
    position: delivery.position.toString(),
    delivery: delivery.id,
    received_at: new Date(delivery.receivedAt).toISOString(),
    body: parseJson(delivery.body),
  };
}

function checkCursor(source: Source, range: ReadRange): void {
  const { columns } = source.request as unknown as InboxRequest;
  const column = columns.find(({ name }) => name === range.cursor);
  const path = column === undefined ? "" : segments(column.from).join(".");
  if (range.by === "value" && path === "position" && column?.type.toUpperCase() === "BIGINT") return;
  throw new SluiceError(
    "DEFINITION_INVALID",
    `incremental: ${shownOf(source)} is read by the position of its deliveries`,
    {
      hint: 'Add the column `position: { from: "position", type: "BIGINT" }`, and name it as the cursor.',
    },
  );
}

function position(text: string | undefined): bigint | null {
  if (text === undefined) return null;
  if (/^\d{1,19}$/.test(text)) return BigInt(text);
  throw new SluiceError("DEFINITION_INVALID", `incremental: "${text}" is no position of a delivery`, {
    hint: "Write a whole number, or leave `start` out.",
  });
}

function instant(text: string | null): number | null {
  return text === null ? null : Date.parse(text);
}

function shownOf(source: Source): string {
  return `the inbox "${source.connection!.name}"`;
}

function misfit(error: SluiceError, source: Source): SluiceError {
  if (!/Conversion Error/i.test(error.message)) return error;
  return new SluiceError(
    "SOURCE_MALFORMED",
    `In ${shownOf(source)} is a value that does not fit its column's type: ${error.message.replace(/^.*?Error: /, "")}`,
    { hint: "Declare that column without a type to get it as text, and let a contract judge it.", cause: error },
  );
}
