// The peers alone, without the engine beside them: npm run bench -- peers [NAME…] [--quick] [--json]. `--quick` runs a
// few tasks only, which shows that a peer works on this machine and says nothing about its speed.
import { cpus } from "node:os";
import type { Bench } from "../bench.ts";
import { peers, workloads, type PeerFigures } from "../engine/peers/peers.ts";

type Result = PeerFigures | { readonly peer: string; readonly workload?: string; readonly failed: string };

export const bench: Bench = async ({ quick, note }) => {
  const names = process.argv.slice(3).filter((arg) => !arg.startsWith("--"));
  const wanted = peers.filter(({ name }) => names.length === 0 || names.some((part) => name.startsWith(part)));
  const unknown = names.filter((part) => !peers.some(({ name }) => name.startsWith(part)));
  if (unknown.length > 0)
    throw new Error(`no such peer: ${unknown.join(", ")} (${peers.map((one) => one.name).join("; ")})`);
  const results: Result[] = [];
  for (const peer of wanted) {
    if (!peer.installed()) {
      note(`${peer.name}: ${peer.notInstalled}`);
      results.push({ peer: peer.name, failed: peer.notInstalled });
      continue;
    }
    for (const workload of workloads) {
      try {
        results.push(await peer.run(workload, { quick, note }));
      } catch (error) {
        // One peer that fails takes nothing from the others' figures.
        note(`${peer.name}, ${workload} failed: ${String(error)}`);
        results.push({ peer: peer.name, workload, failed: String(error) });
      }
    }
  }
  return {
    bench: "peers",
    command: ["npm run bench -- peers", ...names, ...(quick ? ["--quick"] : [])].join(" "),
    machine: `${cpus().length} × ${cpus()[0]?.model ?? "processor"}, Node ${process.version}`,
    results: results.map((result) => ({ ...result })),
    text: table(results),
  };
};

const columns: Readonly<Record<string, (figures: PeerFigures) => string | number>> = {
  peer: (figures) => `${figures.peer} ${figures.version}`,
  workload: (figures) => figures.workload,
  tasks: (figures) => figures.tasks,
  "wall s": (figures) => figures.wallSeconds,
  "recorded s": (figures) => figures.recordedSeconds,
  "first ms": (figures) => figures.firstTaskMs,
  "overhead ms": (figures) => figures.overheadMsMedian,
  "tasks/s": (figures) => figures.tasksPerSecond,
  "CPU ms/task": (figures) => figures.cpuMsPerTask,
  "MB at rest": (figures) => figures.rssMbAtRest,
  "MB under load": (figures) => figures.rssMbUnderLoad,
};

function table(results: readonly Result[]): string {
  const measured = results.filter((result): result is PeerFigures => !("failed" in result));
  const cells = [
    Object.keys(columns),
    ...measured.map((one) => Object.values(columns).map((cell) => String(cell(one)))),
  ];
  const widths = Object.keys(columns).map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const lines = cells.map((row) =>
    row.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join("  "),
  );
  const failed = results.flatMap((one) =>
    "failed" in one ? [`${one.peer}${one.workload ? `, ${one.workload}` : ""}: ${one.failed.split("\n")[0]}`] : [],
  );
  return [...lines, ...failed].join("\n");
}
