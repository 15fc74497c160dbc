// What a validate step judges in a run that replays: the dataset with mended rows in their places, or those rows alone.
import { randomUUID } from "node:crypto";
import type { Dataset } from "../../dataset/dataset.ts";
import { quoteIdentifier } from "../../dataset/sql.ts";
import { readDataset, writeQuery, writeRows } from "../../dataset/write-dataset.ts";
import type { QualityNeeds } from "../needs.ts";
import type { QuarantinedRow, QuarantineStore, ReplayedRow, StagedReplay } from "../quarantine-store.ts";

const pageSize = 1_000;

/** The rows as a dataset of the same columns, and the record that each had. */
export async function replayedRows(
  { session, artifacts, quarantine }: QualityNeeds,
  { key }: StagedReplay,
  { columns }: Dataset,
): Promise<{ readonly dataset: Dataset; readonly records: readonly number[] }> {
  const records: number[] = [];
  const dataset = await writeRows(await session(), artifacts, columns, pages(quarantine, key, records));
  return { dataset, records };
}

/** The dataset with the staged rows in place of those at their records; itself where none was mended. */
export async function mendedDataset(needs: QualityNeeds, replay: StagedReplay, dataset: Dataset): Promise<Dataset> {
  if (replay.rows === 0) return dataset;
  const { dataset: mended, records } = await replayedRows(needs, replay, dataset);
  const session = await needs.session();
  const table = `mended_${randomUUID().replaceAll("-", "")}`;
  const columns = dataset.columns.map(({ name }) => quoteIdentifier(name)).join(", ");
  // One of the session's tables for the records: a list of them could be longer than a statement may be.
  await session.run(`CREATE TEMP TABLE ${table} (place BIGINT, record BIGINT)`);
  try {
    const appender = await session.connection.createAppender(table);
    for (const [place, record] of records.entries()) {
      appender.appendBigInt(BigInt(place + 1));
      appender.appendBigInt(BigInt(record));
      appender.endRow();
    }
    appender.closeSync();
    return await writeQuery(
      session,
      needs.artifacts,
      `SELECT ${columns} FROM (
         SELECT * FROM (SELECT *, row_number() OVER () AS "_sluice record" FROM ${readDataset(dataset)})
         WHERE "_sluice record" NOT IN (SELECT record FROM ${table})
         UNION ALL BY NAME
         SELECT m.* EXCLUDE ("_sluice place"), t.record AS "_sluice record"
         FROM (SELECT *, row_number() OVER () AS "_sluice place" FROM ${readDataset(mended)}) m JOIN ${table} t ON t.place = m."_sluice place"
       ) ORDER BY "_sluice record"`,
      { columns: dataset.columns },
    );
  } finally {
    await session.run(`DROP TABLE IF EXISTS ${table}`);
  }
}

/** Failing rows under the records that they had before. */
export async function* underRecords(
  batches: AsyncIterable<readonly QuarantinedRow[]>,
  records: readonly number[],
): AsyncGenerator<readonly QuarantinedRow[]> {
  for await (const batch of batches) yield batch.map((row) => ({ ...row, record: records[row.record - 1]! }));
}

async function* pages(
  quarantine: QuarantineStore,
  key: string,
  records: number[],
): AsyncGenerator<readonly ReplayedRow["row"][]> {
  let after = 0;
  for (;;) {
    const page = await quarantine.stagedRows(key, { after, limit: pageSize });
    if (page.length === 0) return;
    after = page.at(-1)!.record;
    for (const { record } of page) records.push(record);
    yield page.map(({ row }) => row);
  }
}
