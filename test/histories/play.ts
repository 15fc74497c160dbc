// Plays histories one after another, and counts.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { openArtifactStore } from "../../src/adapters/file-system/artifact-store.ts";
import { openSession } from "../../src/dataset/session.ts";
import { cuttingProxy } from "./cutting-proxy.ts";
import { playHistory, type Stage } from "./history.ts";

export interface HistoriesOptions {
  readonly from: number;
  readonly seeds: number;
}

export interface Histories {
  readonly played: number;
  /** What was wrong in the end, by seed. */
  readonly failed: readonly string[];
  readonly text: string;
}

/** Plays the seeds from `from` on; stops after ten that fail. `url` is of a PostgreSQL server that may be written to. */
export async function playHistories(url: string, { from, seeds }: HistoriesOptions): Promise<Histories> {
  const address = new URL(url);
  const proxy = await cuttingProxy({ host: address.hostname, port: Number(address.port || 5432) });
  const through = new URL(url);
  through.hostname = "127.0.0.1";
  through.port = String(proxy.port);
  const folder = mkdtempSync(join(tmpdir(), "sluice-histories-"));
  const [first, second] = [new Client({ connectionString: url }), new Client({ connectionString: url })];
  const session = await openSession({ temporaryFolder: folder });
  const counts = new Map<string, number>();
  const failed: string[] = [];
  let [played, readings, cuts] = [0, 0, 0];
  try {
    await Promise.all([first.connect(), second.connect()]);
    const artifacts = openArtifactStore({ artifacts: folder, temporary: folder });
    const stage: Stage = { url: through.href, proxy, first, second, session, artifacts };
    for (let seed = from; seed < from + seeds && failed.length < 10; seed += 1) {
      const result = await playHistory(seed, stage).catch((error: unknown) => String(error));
      played += 1;
      if (typeof result === "string") {
        failed.push(`seed ${seed}: ${result}`);
        await second.query("rollback");
        continue;
      }
      readings += result.readings;
      cuts += result.cuts;
      const name = `${result.write} by ${result.cursor}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
      failed.push(...result.wrong.map((line) => `seed ${seed} (${name}): ${line}`));
    }
  } finally {
    await Promise.all([first.end(), second.end()]);
    session.close();
    await proxy.close();
    rmSync(folder, { recursive: true, force: true });
  }
  const kinds = [...counts]
    .map(([name, count]) => `${name} ${count}`)
    .sort()
    .join(", ");
  return {
    played,
    failed,
    text: `${played} histories, ${readings} readings, ${cuts} of them cut off: ${failed.length} failed (${kinds})`,
  };
}
