// The year as one small run per day, beside the same work as one hand-written DuckDB script over all files at once,
// and as the same script day by day. The three must agree on every count before a figure is printed.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { retailFolder } from "../../examples/retail/retail-data.ts";
import { median, timeProcess, type Bench, type ProcessTime } from "../bench.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const example = join(root, "examples/retail");

export const bench: Bench = async ({ quick, note }) => {
  const data = retailFolder();
  const all = readdirSync(data)
    .filter((name) => name.endsWith(".csv.gz"))
    .map((name) => name.slice(0, 10))
    .sort();
  const days = quick ? all.slice(0, 30) : all;
  const [from, to] = [days[0]!, days.at(-1)!];
  const rounds = quick ? 1 : 5;
  const scratch = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  const contestants: Record<string, readonly string[]> = {
    sluice: [
      process.execPath,
      join(root, "bin/sluice.js"),
      "backfill",
      "retail_daily",
      "--from",
      from,
      "--to",
      to,
      "--json",
    ],
    "one script": [process.execPath, join(root, "bench/retail/script.ts"), "all", data, from, to],
    "script, day by day": [process.execPath, join(root, "bench/retail/script.ts"), "daily", data, from, to],
  };
  const times: Record<string, ProcessTime[]> = {};
  const counts: Record<string, string> = {};
  try {
    for (let round = 0; round <= rounds; round += 1) {
      for (const [name, command] of Object.entries(contestants)) {
        const home = join(scratch, `${name}-${round}`);
        const output = join(scratch, "counts.json");
        const env = { ...process.env, SLUICE_HOME: home, BENCH_FOLDER: home, TMPDIR: scratch, RETAIL_DIR: data };
        const time = timeProcess(["bash", "-c", `exec "$@" >"${output}"`, "run", ...command], { cwd: example, env });
        counts[name] = countsOf(name, readFileSync(output, "utf8"));
        rmSync(home, { recursive: true, force: true });
        note(
          `${round === 0 ? "warm-up" : `round ${round}`}: ${name}: ${time.cpuSeconds.toFixed(2)} CPU-s, ${time.wallSeconds.toFixed(2)} s`,
        );
        // The first round warms the disk's cache and isn't counted.
        if (round > 0) (times[name] ??= []).push(time);
      }
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  if (new Set(Object.values(counts)).size !== 1) throw new Error(`the contestants disagree: ${JSON.stringify(counts)}`);
  const peer = median(times["one script"]!.map((time) => time.cpuSeconds));
  const results = Object.entries(times).map(([name, list]) => {
    const cpuSecondsMedian = median(list.map((time) => time.cpuSeconds));
    return {
      name,
      runs: name === "sluice" ? days.length : null,
      cpuSecondsMedian,
      wallSecondsMedian: median(list.map((time) => time.wallSeconds)),
      peer: "one script",
      cpuRatio: Number((cpuSecondsMedian / peer).toFixed(2)),
    };
  });
  const lines = results.map(
    (result) =>
      `${result.name.padEnd(20)} ${result.cpuSecondsMedian.toFixed(2).padStart(7)} CPU-s  ${result.wallSecondsMedian.toFixed(2).padStart(7)} s  ${result.cpuRatio.toFixed(2).padStart(6)} x the one script's CPU`,
  );
  return {
    bench: "retail",
    command: `npm run bench -- retail${quick ? " --quick" : ""}`,
    machine: `${cpus().length} × ${cpus()[0]?.model ?? "processor"}, Node ${process.version}`,
    results,
    text: [
      `${days.length} days, ${counts["sluice"]} (in/valid/duplicate/quarantined), medians of ${rounds}`,
      ...lines,
    ].join("\n"),
  };
};

/** "in/valid/duplicate/quarantined", from what a contestant printed. */
function countsOf(name: string, text: string): string {
  const output = JSON.parse(text) as {
    counts?: number[];
    runs?: { steps: { kind: string; rows: Record<string, number> }[] }[];
  };
  if (name !== "sluice") return output.counts!.join("/");
  const totals = [0, 0, 0, 0];
  for (const run of output.runs ?? []) {
    const rows = run.steps.find((step) => step.kind === "validate")!.rows;
    [rows["in"], rows["out"], rows["duplicate"], rows["quarantined"]].forEach(
      (value, position) => (totals[position]! += value ?? 0),
    );
  }
  return totals.join("/");
}
