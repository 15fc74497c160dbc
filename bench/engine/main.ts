// What the engine itself costs: tasks that do nothing, one after the other, all at once, and in many pipelines, beside the
// same under other engines on the same machine in the same run. Every contestant is driven and measured by one harness.
//
//   npm run bench -- engine [PEER…] [--quick] [--json]      --quick: without peers
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { median, type Bench } from "../bench.ts";
import { measureFloor } from "./floor.ts";
import { fillHistory, timeQuestions } from "./history.ts";
import { workloads, type PeerFigures, type Workload } from "./peers/figures.ts";
import { measure } from "./peers/measure.ts";
import { peers } from "./peers/peers.ts";
import { measureThroughput } from "./sluice/throughput.ts";
import { sluice } from "./sluice/setup.ts";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

type Row = Readonly<Record<string, unknown>>;

/** Peers named on the command line; all when none is. */
const wanted = process.argv.slice(3).filter((arg) => !arg.startsWith("--"));

export const bench: Bench = async ({ quick, note }) => {
  const scratch = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  try {
    const floor = measureFloor(scratch, quick ? 300 : 1_000);
    note(
      `one durable commit: ${floor.commitMs.toFixed(3)} ms (${floor.commitWithoutSyncMs.toFixed(3)} ms of it not the disk)`,
    );
    const own = await ownFigures(quick ? 2 : 7, note);
    const rows: Row[] = workloads.map((workload) => ownRow(workload, own[workload], floor.commitMs));
    rows.push(throughputRow(scratch, quick, note), longChainRow(scratch, quick, note));
    rows.push(
      ...(await historyRows(
        scratch,
        quick ? { runs: 100_000, rounds: 1 } : { runs: 1_000_000, rounds: 5 },
        own.chain,
        note,
      )),
    );
    if (!quick) for (const workload of workloads) rows.push(...(await peerRows(workload, note)));
    return {
      bench: "engine",
      command: ["npm run bench -- engine", ...wanted, ...(quick ? ["--quick"] : [])].join(" "),
      machine: `${cpus().length} × ${cpus()[0]?.model ?? "processor"}, Node ${process.version}`,
      results: rows,
      text: rows.map(textOf).join("\n"),
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
};

type Note = (line: string) => void;

/** Medians over rounds, the workloads in turn. */
async function ownFigures(rounds: number, note: Note): Promise<Record<Workload, PeerFigures>> {
  const all: Record<Workload, PeerFigures[]> = { chain: [], "fan-out": [], many: [] };
  for (let round = 0; round < rounds; round += 1)
    for (const workload of workloads) all[workload].push(await ownRound(workload, note));
  return { chain: medians(all.chain), "fan-out": medians(all["fan-out"]), many: medians(all.many) };
}

/** One round, in a new process with a new state. */
function ownRound(workload: Workload, note: Note): Promise<PeerFigures> {
  return measure(sluice(version), workload, { quick: false, note });
}

const measured = [
  "wallSeconds",
  "firstTaskMs",
  "overheadMsMedian",
  "tasksPerSecond",
  "cpuSeconds",
  "cpuMsPerTask",
  "rssMbAtRest",
  "rssMbUnderLoad",
] as const;

function medians(figures: readonly PeerFigures[]): PeerFigures {
  const each = measured.map((name) => [name, rounded(median(figures.map((one) => one[name])))]);
  return { ...figures[0]!, ...(Object.fromEntries(each) as Pick<PeerFigures, (typeof measured)[number]>) };
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

function ownRow(workload: Workload, figures: PeerFigures, commitMs: number): Row {
  const { peer: _self, workload: _named, ...rest } = figures;
  return {
    name: workload,
    peer: null,
    ratio: null,
    ...rest,
    rssMb: figures.rssMbUnderLoad,
    floorMs: rounded(commitMs),
    // How many durable commits of one row the time between two tasks is worth: one is the floor.
    overFloor: workload === "chain" ? rounded(figures.overheadMsMedian / commitMs) : null,
  };
}

function throughputRow(scratch: string, quick: boolean, note: Note): Row {
  const figures = measureThroughput(join(scratch, "throughput"), "fan-out", { size: 10_000, rounds: quick ? 3 : 7 });
  note(`10,000 tasks without a body: ${Math.round(figures.tasksPerSecond)} tasks/s`);
  return { name: "throughput", peer: null, ratio: null, ...figures };
}

/** A step of a pipeline of thousands of them, beside one of a few. */
function longChainRow(scratch: string, quick: boolean, note: Note): Row {
  const [few, many] = [40, 2_000];
  const rounds = quick ? 1 : 5;
  const short = measureThroughput(join(scratch, "short-chain"), "chain", { size: few, rounds: rounds * 5 });
  const long = measureThroughput(join(scratch, "long-chain"), "chain", { size: many, rounds });
  note(
    `a chain of ${many} tasks: ${long.overheadMsMedian.toFixed(3)} ms each; of ${few}: ${short.overheadMsMedian.toFixed(3)}`,
  );
  return {
    name: `a chain of ${many} tasks`,
    peer: `the same of ${few}`,
    ratio: rounded(long.overheadMsMedian / short.overheadMsMedian),
    cpuRatio: rounded(long.cpuMsPerTask / short.cpuMsPerTask),
    ...long,
  };
}

/** As many as fill every page that is asked for. */
const fewRuns = 5_000;

/** The chain, and the console's questions, in a state with years of runs; ratios are to a state with none, or few. */
async function historyRows(
  scratch: string,
  { runs, rounds }: { readonly runs: number; readonly rounds: number },
  without: PeerFigures,
  note: Note,
): Promise<Row[]> {
  const folders = { empty: join(scratch, "empty"), full: join(scratch, "full") };
  for (const folder of Object.values(folders)) mkdirSync(folder);
  fillHistory(folders.empty, fewRuns);
  fillHistory(folders.full, runs);
  note(`a state with ${runs} finished runs`);
  const withHistory: PeerFigures[] = [];
  const setup = sluice(version, (folder) => fillHistory(folder, runs));
  for (let round = 0; round < rounds; round += 1)
    withHistory.push(await measure(setup, "chain", { quick: false, note }));
  const figures = medians(withHistory);
  const [empty, full] = [await timeQuestions(folders.empty), await timeQuestions(folders.full)];
  return [
    {
      name: `chain with ${runs} finished runs`,
      peer: "the same with none",
      ratio: rounded(figures.overheadMsMedian / without.overheadMsMedian),
      overheadMsMedian: figures.overheadMsMedian,
      tasksPerSecond: figures.tasksPerSecond,
      cpuMsPerTask: figures.cpuMsPerTask,
      rssMb: figures.rssMbUnderLoad,
    },
    ...full.map(({ question, ms }, index) => ({
      name: `${question}, ${runs} finished runs`,
      peer: `the same with ${fewRuns}`,
      ratio: rounded(ms / empty[index]!.ms),
      ms: rounded(ms),
    })),
  ];
}

/**
 * Each peer once, between two own rounds of the same workload that its ratios are against: what a noisy machine does to
 * one it does to the other. A peer that isn't installed says how it would be.
 */
async function peerRows(workload: Workload, note: Note): Promise<Row[]> {
  const rows: Row[] = [];
  let before: PeerFigures | undefined;
  for (const peer of peers.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.startsWith(part)))) {
    if (!peer.installed()) {
      rows.push({
        name: workload,
        peer: peer.name,
        missing: peer.notInstalled,
      });
      continue;
    }
    before ??= await ownRound(workload, note);
    const figures = await peer.run(workload, { quick: false, note }).catch((error: unknown) => String(error));
    const after = await ownRound(workload, note);
    rows.push(peerRow(workload, peer.name, figures, medians([before, after])));
    // What ran right after this peer ran right before the next one.
    before = after;
  }
  return rows;
}

function peerRow(workload: Workload, name: string, figures: PeerFigures | string, own: PeerFigures): Row {
  // One peer that fails takes nothing from the others' figures.
  if (typeof figures === "string") return { name: workload, peer: name, missing: figures };
  const { peer, workload: _same, ...rest } = figures;
  return {
    name: workload,
    peer,
    // How many times as much as Sluice it needs, of each.
    ratio: rounded(figures.overheadMsMedian / own.overheadMsMedian),
    firstTaskRatio: rounded(figures.firstTaskMs / own.firstTaskMs),
    cpuRatio: rounded(figures.cpuMsPerTask / own.cpuMsPerTask),
    rssRatio: rounded(figures.rssMbUnderLoad / own.rssMbUnderLoad),
    against: {
      rounds: "Sluice right before and right after, median",
      overheadMsMedian: own.overheadMsMedian,
      firstTaskMs: own.firstTaskMs,
      cpuMsPerTask: own.cpuMsPerTask,
      rssMb: own.rssMbUnderLoad,
    },
    ...rest,
    rssMb: figures.rssMbUnderLoad,
  };
}

function textOf(row: Row): string {
  if (row["missing"] !== undefined)
    return `${String(row["name"]).padEnd(12)} ${String(row["peer"])}: ${String(row["missing"])}`;
  const figure = (name: string, unit: string): string =>
    typeof row[name] === "number" ? `  ${rounded(row[name])} ${unit}` : "";
  const against = row["peer"] === null ? "sluice" : `${String(row["peer"])}${figure("ratio", "x")}`;
  return [
    `${String(row["name"]).padEnd(12)} ${against.padEnd(28)}`,
    figure("overheadMsMedian", "ms between tasks"),
    figure("overFloor", "commits"),
    figure("firstTaskMs", "ms to the first"),
    figure("tasksPerSecond", "tasks/s"),
    figure("cpuMsPerTask", "CPU-ms a task"),
    figure("rssMb", "MiB"),
    figure("ms", "ms"),
  ].join("");
}
