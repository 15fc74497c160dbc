// Rows out of PostgreSQL into Parquet and back, as whole commands: Sluice's, dlt's and psql's \copy, in turn, on one server
// and in one run. And how much memory a worker takes for ten times as many rows.
//
//   npm run bench -- connect [--quick] [--rounds=N] [--without-dlt] [--json]      --quick: fewer rows, one round
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { postgresMissing, startPostgres } from "../../test/postgres-server.ts";
import { median, timeProcess, type Bench } from "../bench.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const project = join(root, "bench/connect/project");
const python = join(root, "bench/peers/.venv-dlt/bin/python");
const driver = join(root, "bench/peers/dlt/driver.py");

const wantedRounds = Number(/--rounds=(\d+)/.exec(process.argv.join(" "))?.[1] ?? 3);

interface Contestant {
  readonly name: string;
  readonly way: "out" | "back";
  readonly command: readonly string[];
  /** The table that the way back fills. */
  readonly fills?: string;
}

interface Figures {
  readonly wallSeconds: number;
  readonly clientSeconds: number;
  readonly serverSeconds: number;
}

export const bench: Bench = async ({ quick, note }) => {
  const server = await startPostgres();
  if (server === null) throw new Error(postgresMissing);
  const scratch = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  const [rows, rounds] = quick ? [200_000, 1] : [1_000_000, wantedRounds];
  const client = new Client({ connectionString: server.url });
  await client.connect();
  try {
    await client.query(
      `create table events as select i::int8 as id, 'user_' || i % 100000 as user_id, (array['click', 'view', 'purchase'])[i % 3 + 1] as event_type,
         timestamptz '2026-01-01' + i * interval '1 second' as created_at, (i % 90)::int4 as age, 'user' || i % 100000 || '@example.com' as email,
         ((i % 10000)::numeric / 100)::numeric(12,2) as amount from generate_series(1, ${rows}) i`,
    );
    await client.query("create table psql_back (like events); analyze events");
    const file = join(scratch, "events.parquet");
    const env = { ...process.env, BENCH_URL: server.url, BENCH_PARQUET: file, TMPDIR: scratch };
    const contestants = contestantsOf(server.url, scratch, file);
    const times: Record<string, Figures[]> = {};
    for (let round = 0; round <= rounds; round += 1) {
      for (const { name, way, command, fills } of contestants) {
        // Peers take their time, and need no warming up.
        if (round === 0 && name.startsWith("dlt")) continue;
        const home = join(scratch, "home");
        mkdirSync(join(scratch, "dlt"), { recursive: true });
        const before = await serverSeconds(client);
        const time = timeProcess(command, { cwd: project, env: { ...env, SLUICE_HOME: home } });
        const serverTime = (await serverSeconds(client)) - before;
        if (fills !== undefined) await checkRows(client, fills, rows);
        // The first way out leaves the file that all the ways back read.
        if (name === "sluice" && way === "out" && round === 0) keepParquet(home, file);
        for (const path of [home, join(scratch, "dlt")]) rmSync(path, { recursive: true, force: true });
        note(
          `${round === 0 ? "warm-up" : `round ${round}`}: ${way}, ${name}: ${time.cpuSeconds.toFixed(2)} CPU-s + ${serverTime.toFixed(2)} of the server, ${time.wallSeconds.toFixed(2)} s`,
        );
        if (round > 0)
          (times[`${way} ${name}`] ??= []).push({
            wallSeconds: time.wallSeconds,
            clientSeconds: time.cpuSeconds,
            serverSeconds: serverTime,
          });
      }
    }
    const results = contestants.map((one) => resultOf(one, times, rows));
    const memory = await memoryOf(client, env, scratch, file, quick ? rows : 10_000_000, note);
    return {
      bench: "connect",
      command: `npm run bench -- connect${quick ? " --quick" : wantedRounds === 3 ? "" : ` --rounds=${wantedRounds}`}`,
      machine: `${cpus().length} × ${cpus()[0]?.model ?? "processor"}, Node ${process.version}`,
      results: [...results, ...memory],
      text: [
        `${rows} rows, medians of ${rounds}; ratios are rows per second and rows per CPU-second of client and server, to the peer's`,
        ...results.map(lineOf),
        ...memory.map((one) => `${one.way}: ${one.rows} rows, no process above ${one.peakRssMb} MB`),
      ].join("\n"),
    };
  } finally {
    await client.end();
    await server.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
};

function contestantsOf(url: string, scratch: string, file: string): Contestant[] {
  const sluice = (name: string): string[] => [process.execPath, join(root, "bin/sluice.js"), "run", name, "--json"];
  const csv = join(scratch, "events.csv");
  const psql = (text: string): string[] => ["psql", url, "-q", "-v", "ON_ERROR_STOP=1", "-c", text];
  const dlt = (...args: string[]): string[] => [python, driver, ...args];
  const peers = existsSync(python) && !process.argv.includes("--without-dlt");
  if (!existsSync(python)) console.error("dlt is left out: bash bench/peers/install.sh dlt");
  return [
    { name: "sluice", way: "out", command: sluice("out") },
    { name: "psql \\copy", way: "out", command: psql(`\\copy events to '${csv}' (format csv)`) },
    ...(peers
      ? ([
          { name: "dlt, sqlalchemy", way: "out", command: dlt("out", url, join(scratch, "dlt"), "sqlalchemy") },
          { name: "dlt, pyarrow", way: "out", command: dlt("out", url, join(scratch, "dlt"), "pyarrow") },
        ] as const)
      : []),
    { name: "sluice", way: "back", command: sluice("back"), fills: "events_back" },
    {
      name: "psql \\copy",
      way: "back",
      command: [
        "bash",
        "-c",
        'psql "$1" -q -c "truncate psql_back" && exec psql "$1" -q -v ON_ERROR_STOP=1 -c "$2"',
        "psql",
        url,
        `\\copy psql_back from '${csv}' (format csv)`,
      ],
      fills: "psql_back",
    },
    ...(peers
      ? ([
          { name: "dlt, csv", way: "back", command: dlt("back", url, file, "csv"), fills: "dlt_back.events_back" },
        ] as const)
      : []),
  ];
}

/** What the server's processes have used, those that have ended included. */
async function serverSeconds(client: Client): Promise<number> {
  const { rows } = await client.query("select pg_read_file('postmaster.pid') as text");
  const pid = Number(String(rows[0].text).split("\n", 1)[0]);
  // A connection that is about to end is counted once the server has waited for it.
  await new Promise((resolve) => setTimeout(resolve, 300));
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ").map(Number);
  return (stat[11]! + stat[12]! + stat[13]! + stat[14]!) / 100;
}

async function checkRows(client: Client, table: string, rows: number): Promise<void> {
  const { rows: found } = await client.query(`select count(*)::int as n, sum(amount)::text as sum from ${table}`);
  const { rows: wanted } = await client.query("select count(*)::int as n, sum(amount)::text as sum from events");
  if (found[0].n !== rows || Number(found[0].sum) !== Number(wanted[0].sum))
    throw new Error(`${table} has ${found[0].n} rows of ${rows}, amounts ${found[0].sum} of ${wanted[0].sum}`);
}

function keepParquet(home: string, file: string): void {
  const found = readdirSync(home, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".parquet"));
  if (found.length !== 1) throw new Error(`the way out left ${found.length} Parquet files`);
  rmSync(file, { force: true });
  copyFileSync(join(home, found[0]!), file);
}

function resultOf(
  one: Contestant,
  times: Readonly<Record<string, readonly Figures[]>>,
  rows: number,
): Record<string, unknown> {
  const figures = (name: string): { rowsPerSecond: number; client: number; server: number; both: number } => {
    const list = times[`${one.way} ${name}`]!;
    const [wall, client, server] = (["wallSeconds", "clientSeconds", "serverSeconds"] as const).map((key) =>
      median(list.map((figure) => figure[key])),
    ) as [number, number, number];
    return { rowsPerSecond: rows / wall, client, server, both: client + server };
  };
  const own = figures(one.name);
  const perMillion = (seconds: number): number => Number(((seconds / rows) * 1e6).toFixed(2));
  const sluice = figures("sluice");
  return {
    way: one.way,
    name: one.name,
    rowsPerSecond: Math.round(own.rowsPerSecond),
    clientCpuSecondsPerMillion: perMillion(own.client),
    serverCpuSecondsPerMillion: perMillion(own.server),
    // What Sluice makes of a second, and of a CPU-second, against this one.
    sluiceRowsPerSecondRatio: Number((sluice.rowsPerSecond / own.rowsPerSecond).toFixed(2)),
    sluiceRowsPerClientCpuSecondRatio: Number((own.client / sluice.client).toFixed(2)),
    sluiceRowsPerCpuSecondRatio: Number((own.both / sluice.both).toFixed(2)),
  };
}

function lineOf(result: Readonly<Record<string, unknown>>): string {
  const number = (key: string, width: number): string => String(result[key]).padStart(width);
  return `${String(result["way"]).padEnd(5)}${String(result["name"]).padEnd(17)}${number("rowsPerSecond", 9)} rows/s  CPU-s per million: ${number("clientCpuSecondsPerMillion", 6)} + ${number("serverCpuSecondsPerMillion", 5)} of the server  sluice: ${number("sluiceRowsPerSecondRatio", 5)} x the rows/s, ${number("sluiceRowsPerClientCpuSecondRatio", 5)} x the rows per CPU-s of the client, ${number("sluiceRowsPerCpuSecondRatio", 5)} x of both`;
}

type Memory = {
  readonly way: string;
  readonly rows: number;
  readonly peakRssMb: number;
};

async function memoryOf(
  client: Client,
  env: NodeJS.ProcessEnv,
  scratch: string,
  file: string,
  rows: number,
  note: (line: string) => void,
): Promise<Memory[]> {
  const { rows: there } = await client.query("select count(*)::int as n from events");
  const times = Math.ceil(rows / there[0].n);
  if (times > 1) await client.query(`insert into events select events.* from events, generate_series(2, ${times})`);
  const home = join(scratch, "home");
  const found: Memory[] = [];
  for (const way of ["out", "back"]) {
    const peakRssMb = await peakOf([process.execPath, join(root, "bin/sluice.js"), "run", way, "--json"], {
      ...env,
      SLUICE_HOME: home,
    });
    if (way === "out") keepParquet(home, file);
    rmSync(home, { recursive: true, force: true });
    note(`${way}: ${there[0].n * times} rows, no process above ${peakRssMb} MB`);
    found.push({ way, rows: there[0].n * times, peakRssMb });
  }
  await checkRows(client, "events_back", there[0].n * times);
  return found;
}

/** Runs a command to its end; the most memory that one of its processes has held at a time, in MB. */
async function peakOf(command: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(command[0]!, command.slice(1), { cwd: project, env, stdio: ["ignore", "ignore", "inherit"] });
  let peak = 0;
  const timer = setInterval(() => {
    for (const pid of [child.pid!, ...descendants(child.pid!)]) peak = Math.max(peak, highWater(pid));
  }, 50);
  const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
  clearInterval(timer);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}`);
  return Math.round(peak / 1024);
}

function descendants(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").map(Number).filter(Boolean);
    return children.flatMap((child) => [child, ...descendants(child)]);
  } catch {
    return [];
  }
}

function highWater(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
