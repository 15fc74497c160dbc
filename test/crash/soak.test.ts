// A short soak: many pipelines on short schedules, workers and schedulers killed at random. Two minutes of it in CI, some
// seconds elsewhere; `npm run soak -- --minutes 120` is the long one.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { judgeMemory, type MemorySample } from "../../scripts/soak/memory.ts";
import { root } from "../e2e/command.ts";

const seconds = process.env["CI"] === undefined ? 12 : 120;

interface SoakReport {
  readonly passed: boolean;
  readonly kills: { readonly schedulers: number; readonly workers: number };
  readonly stuck: readonly string[];
  readonly ledger: { readonly runs: number; readonly effects: number; readonly breaches: readonly string[] };
  readonly memory: { readonly flat: boolean | null; readonly why: string };
}

function soak(): Promise<{ readonly code: number | null; readonly report: SoakReport; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [
      "--disable-warning=ExperimentalWarning",
      join(root, "scripts/soak.ts"),
      "--minutes",
      String(seconds / 60),
    ]);
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("close", (code) => {
      try {
        resolve({ code, report: JSON.parse(stdout) as SoakReport, stderr });
      } catch {
        reject(new Error(`The soak ended with ${code} and no report:\n${stdout}${stderr}`));
      }
    });
  });
}

describe("a soak", () => {
  it(`of ${seconds} s leaves nothing stuck, lost or doubled`, { timeout: (seconds + 240) * 1_000 }, async () => {
    const { code, report, stderr } = await soak();
    console.log(JSON.stringify(report));
    expect(report.stuck).toEqual([]);
    expect(report.ledger.breaches).toEqual([]);
    expect(report.memory.flat, report.memory.why).not.toBe(false);
    expect(code, stderr).toBe(0);
    expect(report.kills.schedulers).toBeGreaterThan(0);
    expect(report.kills.workers).toBeGreaterThan(0);
    expect(report.ledger.effects).toBeGreaterThan(20);
  });
});

describe("the verdict on memory", () => {
  const life = (megabytes: (second: number) => number, seconds = 600): MemorySample[] =>
    Array.from({ length: seconds }, (_, at) => ({ at, megabytes: megabytes(at) }));
  // Heaps grow until they are collected: a saw that goes nowhere.
  const saw = (second: number): number => (second % 17) * 1.5;

  it("lets a life pass that finds its size and keeps it", () => {
    expect(judgeMemory(life((second) => 100 + saw(second) - 40 * Math.exp(-second / 5)))).toMatchObject({
      flat: true,
      why: "",
    });
  });

  it("finds a leak, slow or sudden", () => {
    expect(judgeMemory(life((second) => 100 + saw(second) + second * 0.1))).toMatchObject({ flat: false });
    expect(judgeMemory(life((second) => (second < 500 ? 100 : 100 + (second - 500))))).toMatchObject({ flat: false });
    expect(judgeMemory(life((second) => 100 + second * 0.01, 7_200))).toMatchObject({ flat: false });
  });

  it("says nothing of a life that was too short", () => {
    expect(judgeMemory(life(() => 100, 25))).toMatchObject({ flat: null });
  });
});
