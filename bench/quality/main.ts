// What judging data costs: npm run bench -- quality [rules|expectations] [--quick] [--json]. Peers are installed by
// bench/peers/install.sh; one that isn't is left out, and said to be.
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import type { Bench } from "../bench.ts";
import { benchExpectations } from "./expectations.ts";
import { benchRules, rulesText } from "./rules.ts";

export const bench: Bench = async (options) => {
  const scratch = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  try {
    const part = process.argv.slice(3).find((arg) => !arg.startsWith("--"));
    const rules = part === "expectations" ? [] : await benchRules(options, scratch);
    const expectations = part === "rules" ? [] : await benchExpectations(options, scratch);
    return {
      bench: "quality",
      command: `npm run bench -- quality${part === undefined ? "" : ` ${part}`}${options.quick ? " --quick" : ""}`,
      machine: `${cpus().length} × ${cpus()[0]?.model ?? "processor"}, Node ${process.version}`,
      results: [...rules, ...expectations],
      text: [...rules.map(rulesText), ...expectations.map(textOf)].join("\n"),
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
};

function textOf(result: Readonly<Record<string, unknown>>): string {
  const { part, name, cpuSecondsMedian, wholeProcessCpuSecondsMedian, timesSluice } = result as {
    part: string;
    name: string;
    cpuSecondsMedian: number;
    wholeProcessCpuSecondsMedian: number;
    timesSluice: number;
  };
  const figure = (value: number): string => value.toFixed(2).padStart(7);
  return `${part}  ${name.padEnd(20)} ${figure(cpuSecondsMedian)} CPU-s (${figure(wholeProcessCpuSecondsMedian)} in all)  ${figure(timesSluice)} x Sluice's`;
}
