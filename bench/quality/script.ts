// One contestant of our own, in a process of its own: node bench/quality/script.ts sluice|scan|zod FILE
// Prints {rows, invalid, cpuSeconds, wallSeconds}: what it used from when its code was loaded.
import { readFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { openSession } from "../../src/dataset/session.ts";
import { quotePath } from "../../src/dataset/sql.ts";
import { checkFile } from "../../src/quality/index.ts";
import { rowSchema, userEvent } from "./events.ts";

interface Counts {
  readonly rows: number;
  readonly invalid: number | null;
}

const [contestant, file] = process.argv.slice(2) as [string, string];

const contestants: Readonly<Record<string, () => Promise<Counts>>> = {
  sluice: async () => checkFile(userEvent, file),
  /** Reads every value of the file, typed, and does nothing with it but hash it. */
  scan: async () => {
    const session = await openSession({ temporaryFolder: tmpdir(), threads: availableParallelism() });
    const relation = file.endsWith(".parquet")
      ? `read_parquet(${quotePath(file)})`
      : file.endsWith(".csv")
        ? `read_csv(${quotePath(file)})`
        : `read_json(${quotePath(file)}, format = 'newline_delimited')`;
    const columns = await session.describe(`SELECT * FROM ${relation}`);
    const hashes = columns.map(({ name }) => `CAST(bit_xor(hash(${name})) AS VARCHAR)`);
    const [row] = await session.rows(`SELECT count(*) AS n, ${hashes.join(", ")} FROM ${relation}`);
    session.close();
    return { rows: Number(row!["n"]), invalid: null };
  },
  /** JSONL as one would in plain Node: split, parse, safeParse. */
  zod: async () => {
    const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
    let invalid = 0;
    for (const line of lines) if (!rowSchema.safeParse(JSON.parse(line)).success) invalid += 1;
    return { rows: lines.length, invalid };
  },
};

const begin = process.cpuUsage();
const clock = performance.now();
const { rows, invalid } = await contestants[contestant]!();
const used = process.cpuUsage(begin);
const cpuSeconds = (used.user + used.system) / 1e6;
console.log(JSON.stringify({ rows, invalid, cpuSeconds, wallSeconds: (performance.now() - clock) / 1e3 }));
