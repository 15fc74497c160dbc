// The processes of one measurement: started in a temporary folder that holds all their state, on loopback ports, and
// ended with everything they started, whatever happens.
import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { processTree, type ProcessTree } from "./process-tree.ts";

export interface Started {
  readonly process: ChildProcess;
  /** What it has written so far, standard output only where that isn't read by the caller. */
  log(): string;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Read and written by the caller instead of going to the log. */
  readonly piped?: boolean;
  readonly user?: { readonly uid: number; readonly gid: number } | null;
}

export interface Session {
  /** Holds all state and the logs. Other users may enter it, but not list it. */
  readonly folder: string;
  readonly tree: ProcessTree;
  start(name: string, command: readonly string[], options?: StartOptions): Started;
  /** Runs a command to its end. Throws what it wrote when it fails. */
  finish(name: string, command: readonly string[], options?: StartOptions): Promise<void>;
  freePort(): Promise<number>;
  /** Waits until `check` holds, as long as `started` lives. Throws its log after `seconds`. */
  ready(started: Started, check: () => Promise<boolean>, seconds?: number): Promise<void>;
}

/**
 * Runs `work` with a session of its own; its processes are ended, also when it fails. Its folder is removed, except when
 * it fails: then the error says where it is, for its logs.
 */
export async function withSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-peer-"));
  chmodSync(folder, 0o711);
  for (const name of ["home", "logs", "tmp"]) mkdirSync(join(folder, name));
  const tree = processTree();
  const end = (): void => {
    tree.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    end();
    process.exit(signal === "SIGINT" ? 130 : 143);
  };
  process.once("exit", end).once("SIGINT", onSignal).once("SIGTERM", onSignal);
  try {
    const result = await work(sessionIn(folder, tree));
    await stop(tree);
    rmSync(folder, { recursive: true, force: true });
    return result;
  } catch (error) {
    await stop(tree);
    throw new Error(`${(error as Error).message}\nWhat the peer wrote is kept in ${folder}`, { cause: error });
  } finally {
    process.off("exit", end).off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

/** Asked for by HTTP: whether `url` answers with success. */
export async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2000) })).ok;
  } catch {
    return false;
  }
}

function sessionIn(folder: string, tree: ProcessTree): Session {
  // Nothing of the caller's environment may change what is measured.
  const environment = {
    PATH: process.env["PATH"] ?? "/usr/bin:/bin",
    HOME: join(folder, "home"),
    TMPDIR: join(folder, "tmp"),
    LC_ALL: "C.UTF-8",
    TZ: "UTC",
    DO_NOT_TRACK: "1",
    PYTHONDONTWRITEBYTECODE: "1",
    PYTHONUNBUFFERED: "1",
    BENCH_MARKS: join(folder, "marks"),
  };
  const start: Session["start"] = (name, command, options = {}) => {
    const path = join(folder, "logs", `${name}.log`);
    const file = openSync(path, "a");
    const process = spawn(command[0]!, command.slice(1), {
      cwd: options.cwd ?? folder,
      env: { ...environment, ...options.env },
      stdio: options.piped === true ? ["pipe", "pipe", file] : ["ignore", file, file],
      ...options.user,
    });
    closeSync(file);
    // Without a listener a command that can't be started would end the bench with its processes left behind.
    process.on("error", () => {});
    if (process.pid !== undefined) tree.add(process.pid);
    return { process, log: () => readFileSync(path, "utf8").slice(-4000) };
  };
  return {
    folder,
    tree,
    start,
    finish: async (name, command, options) => {
      const started = start(name, command, options);
      const code = await new Promise((resolve) => {
        started.process.once("close", resolve).once("error", (error) => resolve(error.message));
      });
      if (code !== 0) throw new Error(`${command.join(" ")} ended with ${String(code)}:\n${started.log()}`);
    },
    freePort: async () => {
      const probe = createServer();
      await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
      const { port } = probe.address() as AddressInfo;
      await new Promise((resolve) => probe.close(resolve));
      return port;
    },
    ready: async (started, check, seconds = 120) => {
      const deadline = performance.now() + seconds * 1000;
      while (!(await check())) {
        const { pid, exitCode, signalCode } = started.process;
        if (pid === undefined || exitCode !== null || signalCode !== null)
          throw new Error(`${started.process.spawnfile} ended before it was ready:\n${started.log()}`);
        if (performance.now() > deadline)
          throw new Error(`${started.process.spawnfile} was not ready within ${seconds} s:\n${started.log()}`);
        await sleep(100);
      }
    },
  };
}

/** First asks, then ends what is still there. */
async function stop(tree: ProcessTree): Promise<void> {
  for (const [signal, rounds] of [
    ["SIGTERM", 50],
    ["SIGKILL", 50],
  ] as const) {
    if (tree.living().length > 0) tree.kill(signal);
    for (let round = 0; round < rounds && tree.living().length > 0; round += 1) await sleep(100);
  }
}
