// What the feature tests share: events as Parquet datasets, and running a materialize step on them.
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { manualClock } from "../../../src/clock.ts";
import type { Dataset } from "../../../src/dataset/dataset.ts";
import { openSession, type Session } from "../../../src/dataset/session.ts";
import { quoteLiteral } from "../../../src/dataset/sql.ts";
import {
  materialize,
  type FeatureView,
  type MaterializeReport,
  type OnlineStore,
} from "../../../src/features/index.ts";
import { createLog, type LogLine } from "../../../src/log.ts";
import type { StepResult } from "../../../src/pipeline/step.ts";

export interface Event {
  readonly customer_id: string | null;
  readonly invoice_no: string | null;
  readonly quantity: number | null;
  /** May be NaN or infinite. */
  readonly unit_price: number | null;
  readonly country: string | null;
  /** Microseconds since the epoch. */
  readonly at: bigint | null;
}

export interface Desk {
  readonly session: Session;
  dataset(events: readonly Event[]): Promise<Dataset>;
  query(sql: string): Promise<Dataset>;
  run(
    view: FeatureView,
    store: OnlineStore,
    dataset: Dataset,
    partition: Slice | null,
    fence: number,
  ): Promise<StepResult<MaterializeReport> & { log: LogLine[] }>;
  close(): void;
}

export interface Slice {
  readonly key: string;
  readonly start: string;
  readonly end: string;
}

/** The day's partition in UTC. */
export function slice(key: string): Slice {
  return {
    key,
    start: `${key}T00:00:00.000Z`,
    end: new Date(Date.parse(`${key}T00:00:00Z`) + 86_400_000).toISOString(),
  };
}

export function relationOf(events: readonly Event[]): string {
  const rows = events.map((event) =>
    [
      text(event.customer_id),
      text(event.invoice_no),
      String(event.quantity ?? "NULL"),
      event.unit_price === null ? "NULL" : `'${String(event.unit_price)}'::DOUBLE`,
      text(event.country),
      event.at === null ? "NULL" : `make_timestamptz(${event.at}::BIGINT)`,
    ].join(", "),
  );
  const values = rows.length === 0 ? `(NULL, NULL, NULL, NULL, NULL, NULL)` : rows.map((row) => `(${row})`).join(", ");
  return `(SELECT customer_id::VARCHAR AS customer_id, invoice_no::VARCHAR AS invoice_no, quantity::INTEGER AS quantity,
    unit_price::DOUBLE AS unit_price, country::VARCHAR AS country, "at"::TIMESTAMPTZ AS "at"
    FROM (VALUES ${values}) t(customer_id, invoice_no, quantity, unit_price, country, "at") ${rows.length === 0 ? "WHERE false" : ""})`;
}

export async function openDesk(): Promise<Desk> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-features-"));
  const session = await openSession({ temporaryFolder: folder });
  const query = async (sql: string): Promise<Dataset> => {
    const path = join(folder, `${randomUUID()}.parquet`);
    const columns = await session.describe(sql);
    const rows = await session.run(`COPY (${sql}) TO ${quoteLiteral(path)} (FORMAT parquet)`);
    return { kind: "dataset", files: [path], columns, rows, bytes: 0, hash: path };
  };
  return {
    session,
    query,
    dataset: (events) => query(`SELECT * FROM ${relationOf(events)}`),
    run: async (view, store, dataset, partition, fence) => {
      const log: LogLine[] = [];
      const clock = manualClock(Date.parse("2011-06-01T12:00:00Z"));
      const result = await materialize(view, { from: { step: "clean" } }).execute(
        {
          runId: "run",
          pipeline: "p",
          step: "features",
          partition: partition === null ? null : { ...partition, keys: {}, series: "" },
          params: null,
          item: null,
          attempt: 1,
          fence,
          idempotencyKey: "k",
          inputs: { from: dataset },
          signal: new AbortController().signal,
          log: createLog((line) => log.push(line), clock.now),
          clock,
          folder,
        },
        { session: async () => session, online: store },
      );
      return { ...result, log };
    },
    close: () => {
      session.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function text(value: string | null): string {
  return value === null ? "NULL" : quoteLiteral(value);
}
