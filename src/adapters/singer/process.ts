// A tap as a process: its configuration in files that only this user may read and that are gone afterwards, its messages line
// by line, what it says on stderr in the log, and its end. It and what it has started are killed when the step is stopped.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { isReference, isSecret, type Setting } from "../../config.ts";
import type { SingerSettings, TapSetting } from "../../connect/singer.ts";
import { SluiceError } from "../../errors.ts";
import { createRedactor, type Log } from "../../log.ts";

export interface TapContext {
  /** The state folder: files for the tap lie in its temporary folder, which is emptied whenever a project is opened. */
  readonly home: string;
  /** The tap is run here. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly resolve: (setting: Setting) => string;
}

export interface Tap {
  /** Runs it with these arguments of Singer's own; `files` are JSON, by the argument that names them. */
  lines(files: Readonly<Record<string, unknown>>, more?: readonly string[]): AsyncGenerator<string>;
  redact(text: string): string;
}

/** Gives `work` a tap, and leaves no file of it behind. */
export async function withTap<T>(
  name: string,
  settings: SingerSettings,
  context: TapContext,
  work: (tap: Tap) => Promise<T>,
): Promise<T> {
  context.signal.throwIfAborted();
  const redactor = createRedactor();
  const config = resolved(settings.config, (setting) => {
    const value = context.resolve(setting);
    if (isSecret(setting)) redactor.add(value);
    return value;
  });
  const parent = join(context.home, "tmp");
  await mkdir(parent, { recursive: true });
  // 0700, as mkdtemp makes it.
  const folder = await mkdtemp(join(parent, "tap-"));
  const redact = (text: string): string => redactor.text(text);
  try {
    return await work({
      redact,
      lines: async function* (files, more = []) {
        const args = [...settings.args];
        for (const [argument, content] of Object.entries({ config, ...files })) {
          const path = join(folder, `${argument}.json`);
          await writeFile(path, JSON.stringify(content), { mode: 0o600 });
          args.push(`--${argument}`, path);
        }
        yield* output(name, settings.command, [...args, ...more], context, redact);
      },
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function resolved(value: TapSetting, resolve: (setting: Setting) => string): unknown {
  if (isReference(value)) return resolve(value);
  if (Array.isArray(value)) return value.map((item: TapSetting) => resolved(item, resolve));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolved(item, resolve)]));
}

/** How long it may take to end when it is asked to, in milliseconds. */
const grace = 5_000;
/** Lines of stderr that an error tells. */
const told = 3;

async function* output(
  name: string,
  command: string,
  args: readonly string[],
  context: TapContext,
  redact: (text: string) => string,
): AsyncGenerator<string> {
  // A group of its own: a tap may be a script that starts the real one.
  const child = spawn(command, args, { cwd: context.folder, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const ended = new Promise<{ code: number | null; signal: string | null; error: NodeJS.ErrnoException | null }>(
    (resolve) => {
      child.on("error", (error) => resolve({ code: null, signal: null, error }));
      child.on("close", (code, signal) => resolve({ code, signal, error: null }));
    },
  );
  const last: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    const text = redact(line);
    last.push(text);
    if (last.length > told) last.shift();
    if (/\b(?:ERROR|CRITICAL|FATAL|WARNING)\b/.test(text)) context.log.warn(text);
    else context.log.info(text);
  });
  const onAbort = (): void => stop(child, ended);
  context.signal.addEventListener("abort", onAbort, { once: true });
  try {
    yield* createInterface({ input: child.stdout, crlfDelay: Infinity });
    const { code, signal, error } = await ended;
    context.signal.throwIfAborted();
    if (error !== null) throw notStarted(name, command, error);
    if (code !== 0) {
      const how = code === null ? `was ended by ${signal}` : `ended with exit code ${code}`;
      throw new SluiceError(
        "SOURCE_UNAVAILABLE",
        `${command}, of the connection "${name}", ${how}${last.length === 0 ? "" : `: ${last.at(-1)}`}`,
        {
          retryable: true,
          hint: "What it said is in the step's log. Nothing of what it sent was kept.",
          details: { code, signal, stderr: last },
        },
      );
    }
  } finally {
    context.signal.removeEventListener("abort", onAbort);
    // Where the reading has ended before the tap: an error in a message, or a stop.
    if (child.exitCode === null && child.signalCode === null) stop(child, ended);
    await ended;
  }
}

function stop(child: ChildProcess, ended: Promise<unknown>): void {
  kill(child, "SIGTERM");
  const timer = setTimeout(() => kill(child, "SIGKILL"), grace);
  void ended.then(() => clearTimeout(timer));
}

function kill({ pid }: ChildProcess, signal: "SIGTERM" | "SIGKILL"): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended by itself.
  }
}

function notStarted(name: string, command: string, error: NodeJS.ErrnoException): SluiceError {
  if (error.code === "ENOENT") {
    return new SluiceError(
      "DEPENDENCY_MISSING",
      `The connection "${name}" needs the command ${command}, which isn't there`,
      {
        hint: `Install it, such as with: pipx install ${command}`,
        cause: error,
      },
    );
  }
  return new SluiceError(
    "SOURCE_REFUSED",
    `${command}, of the connection "${name}", can't be started: ${error.code ?? error.message}`,
    {
      hint: "Check that it may be executed.",
      cause: error,
    },
  );
}
