// Twenty expectations on one Parquet file: by Sluice, by Great Expectations Core on pandas, and by cuallee, which runs
// PyDeequ's checks on DuckDB. Each contestant is a process of its own; all must find as many unexpected rows. What counts
// is the CPU time of reading and judging; that of the whole process, with the start of its language, is told beside it.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DuckDBInstance } from "@duckdb/node-api";
import { type BenchOptions, median, timeProcess } from "../bench.ts";

const here = fileURLToPath(new URL("expectations", import.meta.url));
const python = (peer: string): string => fileURLToPath(new URL(`../peers/.venv-${peer}/bin/python`, import.meta.url));

const contestants: Readonly<Record<string, (file: string) => readonly string[]>> = {
  sluice: (file) => [process.execPath, join(here, "run.ts"), file],
  "great-expectations": (file) => [python("great-expectations"), join(here, "great_expectations_peer.py"), file],
  cuallee: (file) => [python("cuallee"), join(here, "cuallee_peer.py"), file],
};

interface Found {
  readonly cpuSeconds: number;
  readonly unexpected: number;
}

/** One result per contestant; `scratch` is a folder for the file. */
export async function benchExpectations(
  { quick, note }: BenchOptions,
  scratch: string,
): Promise<Readonly<Record<string, unknown>>[]> {
  const rows = quick ? 500_000 : 5_000_000;
  const rounds = quick ? 1 : 5;
  const file = join(scratch, "orders.parquet");
  await writeOrders(file, rows);
  const times = new Map<string, { own: number; whole: number }[]>();
  const unexpected = new Map<string, number>();
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, command] of Object.entries(contestants)) {
      const [program = "", ...args] = command(file);
      if (!existsSync(program)) {
        if (round === 0) note(`${name} is not installed: bash bench/peers/install.sh ${name}`);
        continue;
      }
      const output = join(scratch, "found.json");
      const env = { ...process.env, TMPDIR: scratch };
      const inShell = ["bash", "-c", `exec "$@" >"${output}"`, "run", program, ...args];
      const { cpuSeconds: whole } = timeProcess(inShell, { cwd: scratch, env });
      const found = JSON.parse(spawnSync("cat", [output], { encoding: "utf8" }).stdout) as Found;
      unexpected.set(name, found.unexpected);
      note(
        `${round === 0 ? "warm-up" : `round ${round}`}: ${name}: ${found.cpuSeconds.toFixed(2)} CPU-s (${whole.toFixed(2)} in all)`,
      );
      if (round > 0) times.set(name, [...(times.get(name) ?? []), { own: found.cpuSeconds, whole }]);
    }
  }
  if (new Set(unexpected.values()).size !== 1)
    throw new Error(`the contestants disagree: ${JSON.stringify(Object.fromEntries(unexpected))}`);
  const own = median(times.get("sluice")!.map((time) => time.own));
  return [...times].map(([name, list]) => {
    const cpuSecondsMedian = median(list.map((time) => time.own));
    return {
      part: "20 expectations",
      name,
      rows,
      rounds,
      cpuSecondsMedian,
      wholeProcessCpuSecondsMedian: median(list.map((time) => time.whole)),
      rowsPerCpuSecond: Math.round(rows / cpuSecondsMedian),
      timesSluice: Number((cpuSecondsMedian / own).toFixed(2)),
    };
  });
}

/** Orders of which a half per cent and less is wrong in four columns. The same rows whenever it is made. */
async function writeOrders(file: string, rows: number): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  await connection.run(`
    copy (select i as id, (i * 7919) % 100000 as user_id, 'evt_' || i as event,
                 case when i % 200 = 0 then 'XX' else ['DE', 'TW', 'US', 'FR', 'JP'][1 + i % 5] end as country,
                 ['paid', 'open', 'void'][1 + i % 3] as status,
                 (case when i % 300 = 0 then 200 else (i * 31) % 90 end)::integer as age, (1 + i % 100)::integer as quantity,
                 (case when i % 150 = 0 then null else ((i * 17) % 100000) / 100 end)::double as amount,
                 case when i % 250 = 0 then 'broken' else 'user.' || (i % 5000) || '@mail.example' end as email,
                 timestamp '2026-01-01' + interval 1 second * (i % 31536000) as created_at
          from range(${rows}) t(i)) to '${file.replaceAll("'", "''")}' (format parquet)`);
  connection.closeSync();
  instance.closeSync();
}
