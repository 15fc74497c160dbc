// Ten rules over ten columns, in Parquet, CSV and JSONL, beside Pydantic, Pandera on Polars, GX Core and plain Zod, and
// beside merely scanning and parsing the file. Everyone must find as many rows broken before a figure is printed.
//
// CPU-seconds from when a contestant's code is loaded to when it has its answer. Slower ones take fewer rows of the same
// kind; figures are per million rows, and say how many there were.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openSession } from "../../src/dataset/session.ts";
import { quotePath } from "../../src/dataset/sql.ts";
import type { BenchOptions } from "../bench.ts";
import { eventsSql } from "./events.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const formats = ["parquet", "csv", "jsonl"] as const;
type Format = (typeof formats)[number];

interface Contestant {
  readonly name: string;
  /** Rows that it takes, of 10,000,000. */
  readonly rows: number;
  readonly formats: readonly Format[];
  readonly command: readonly string[];
}

interface Figures {
  readonly rows: number;
  readonly invalid: number | null;
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
}

const script = [process.execPath, join(root, "bench/quality/script.ts")];
const python = (peer: string): readonly string[] => [
  join(root, `bench/peers/.venv-${peer}/bin/python`),
  join(root, `bench/peers/${peer}/rows.py`),
];
const contestants: readonly Contestant[] = [
  { name: "scan", rows: 10_000_000, formats, command: [...script, "scan"] },
  { name: "Sluice", rows: 10_000_000, formats, command: [...script, "sluice"] },
  { name: "Zod", rows: 2_000_000, formats: ["jsonl"], command: [...script, "zod"] },
  { name: "Pydantic", rows: 2_000_000, formats, command: python("pydantic") },
  { name: "Pandera on Polars", rows: 2_000_000, formats, command: python("pandera") },
  { name: "GX Core on pandas", rows: 500_000, formats, command: python("great-expectations") },
];

/** One result per contestant and format; `scratch` is a folder for the files. */
export async function benchRules(
  { quick, note }: BenchOptions,
  scratch: string,
): Promise<Readonly<Record<string, unknown>>[]> {
  const results: Result[] = [];
  const present = contestants.filter(({ name, command }) => {
    if (existsSync(command[0]!)) return true;
    note(`${name} is left out: bash bench/peers/install.sh installs it`);
    return false;
  });
  const sizeOf = ({ rows }: Contestant): number => (quick ? Math.min(rows, 200_000) : rows);
  for (const size of new Set(present.map(sizeOf))) await writeFiles(scratch, size, note);
  for (const format of formats) {
    for (const contestant of present.filter((one) => one.formats.includes(format))) {
      const file = join(scratch, String(sizeOf(contestant)), `events.${format}`);
      const figures = runContestant([...contestant.command, file]);
      const cpuPerMillion = figures.cpuSeconds / (figures.rows / 1e6);
      note(`${format}: ${contestant.name}: ${cpuPerMillion.toFixed(2)} CPU-s per million rows, ${figures.rows} rows`);
      results.push({ part: "ten rules", name: contestant.name, format, ...figures, cpuPerMillion });
    }
  }
  checkAgreement(results);
  return results.map((result) => {
    const own = results.find(({ name, format }) => name === "Sluice" && format === result.format)!;
    return { ...result, timesSluice: Number((result.cpuPerMillion / own.cpuPerMillion).toFixed(2)) };
  });
}

/** A line for a person. */
export function rulesText(result: Readonly<Record<string, unknown>>): string {
  const { format, name, rows, cpuPerMillion, wallSeconds, timesSluice } = result as unknown as Result & {
    timesSluice: number;
  };
  return `ten rules  ${format.padEnd(8)} ${name.padEnd(20)} ${String(rows).padStart(9)} rows ${cpuPerMillion.toFixed(2).padStart(7)} CPU-s per million ${wallSeconds.toFixed(1).padStart(7)} s ${timesSluice.toFixed(2).padStart(7)} x Sluice's`;
}

interface Result extends Figures {
  readonly part: string;
  readonly name: string;
  readonly format: Format;
  readonly cpuPerMillion: number;
}

async function writeFiles(scratch: string, rows: number, note: (line: string) => void): Promise<void> {
  note(`writing ${rows} rows`);
  const folder = join(scratch, String(rows));
  mkdirSync(folder);
  const session = await openSession({ temporaryFolder: scratch, threads: cpus().length });
  try {
    const parquet = quotePath(join(folder, "events.parquet"));
    await session.run(`COPY (${eventsSql(rows)}) TO ${parquet} (FORMAT parquet, COMPRESSION snappy)`);
    await session.run(`COPY (FROM ${parquet}) TO ${quotePath(join(folder, "events.csv"))} (HEADER)`);
    await session.run(`COPY (FROM ${parquet}) TO ${quotePath(join(folder, "events.jsonl"))} (FORMAT json)`);
  } finally {
    session.close();
  }
}

function runContestant(command: readonly string[]): Figures {
  const result = spawnSync(command[0]!, command.slice(1), { encoding: "utf8", maxBuffer: 1 << 26 });
  if (result.status !== 0) throw new Error(`${command.join(" ")} failed: ${result.stderr.slice(-2000)}`);
  return JSON.parse(result.stdout.trimEnd().split("\n").at(-1)!) as Figures;
}

/** Those that judged the same number of rows must have found the same number broken. */
function checkAgreement(results: readonly Result[]): void {
  const found = new Map<number, string>();
  for (const { name, format, rows, invalid } of results) {
    if (invalid === null) continue;
    const first = found.get(rows) ?? String(invalid);
    found.set(rows, first);
    if (first !== String(invalid))
      throw new Error(`${name} finds ${invalid} of ${rows} ${format} rows broken, others ${first}`);
  }
}
