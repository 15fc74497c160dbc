// Running the built command as a user does: a process, its exit code, and what it printed.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root: string = fileURLToPath(new URL("../..", import.meta.url));
export const retailExample: string = join(root, "examples/retail");
export const sharedRetail: string = join(root, "../shared/data/retail");

export interface CommandResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with the process once it runs. It leads a process group of its own. */
  readonly onStart?: (process: ChildProcess) => void;
}

export function sluice(args: readonly string[], options: CommandOptions): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, "bin/sluice.js"), ...args], {
      cwd: options.cwd,
      env: { ...process.env, NO_COLOR: "1", ...options.env },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
    options.onStart?.(child);
  });
}

/** Runs a command that must succeed and returns the JSON it printed. */
export async function sluiceJson<T>(args: readonly string[], options: CommandOptions): Promise<T> {
  const result = await sluice([...args, "--json"], options);
  if (result.code !== 0) throw new Error(`sluice ${args.join(" ")} ended with ${result.code}: ${result.stderr}`);
  return JSON.parse(result.stdout) as T;
}

export function temporaryFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `sluice-${name}-`));
}

/** SIGKILL for a process and everything it has started. */
export function killGroup(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, "SIGKILL");
  } catch {
    // The group has ended by itself.
  }
}

export interface RowCounts {
  readonly in: number;
  readonly out: number;
  readonly duplicate: number;
  readonly quarantined: number;
}

export interface RunJson {
  readonly run: { readonly id: string; readonly partition: string | null; readonly status: string };
  readonly steps: readonly {
    readonly name: string;
    readonly kind: string;
    readonly status: string;
    readonly attempts: number;
    readonly rows: RowCounts | null;
    readonly error: { readonly code: string; readonly message: string } | null;
  }[];
}

export interface BackfillJson {
  readonly backfill: { readonly status: string };
  readonly runs: readonly RunJson[];
}

/** What the contract's step of each run counted, added up. */
export function totals(runs: readonly RunJson[]): RowCounts {
  const sum = { in: 0, out: 0, duplicate: 0, quarantined: 0 };
  for (const run of runs) {
    const rows = run.steps.find((step) => step.kind === "validate")!.rows!;
    sum.in += rows.in;
    sum.out += rows.out;
    sum.duplicate += rows.duplicate;
    sum.quarantined += rows.quarantined;
  }
  return sum;
}
