// Small projects in folders of their own, and a way to give commands to them inside the test's process.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Io } from "../../../src/cli/io.ts";
import { main } from "../../../src/cli/main.ts";

export const repository: string = fileURLToPath(new URL("../../../", import.meta.url));

/** Files as they would be in a user's project; "sluice" stands for this package's sources. */
export type Files = Readonly<Record<string, string>>;

export interface TestProject extends Disposable {
  readonly folder: string;
  write(files: Files): void;
  /** Every file below the folder, by path. */
  files(): string[];
  /** Gives a command in the folder. */
  sluice(args: readonly string[], options?: RunOptions): Promise<CommandResult>;
}

export interface RunOptions {
  readonly tty?: boolean;
  /** Called with each text on stderr; may interrupt. */
  readonly onStderr?: (text: string, interrupt: () => void) => void;
  readonly cwd?: string;
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as JSON: fails unless it is exactly one document. */
  json<T>(): T;
}

export const config = `import { defineConfig } from "sluice";
export default defineConfig({});
`;

export function makeProject(files: Files = { "sluice.config.ts": config }): TestProject {
  // Inside the repository, so that bare imports of packages are found.
  mkdirSync(join(repository, "test/.tmp"), { recursive: true });
  const folder = mkdtempSync(join(repository, "test/.tmp/project-"));
  const write = (more: Files): void => {
    for (const [path, text] of Object.entries(more)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), resolveImports(text));
    }
  };
  write(files);
  return {
    folder,
    write,
    files: () => filesIn(folder),
    sluice: (args, options) => sluice(args, { cwd: folder, ...options }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Reads the demo template as files of a test's project. */
export function demoFiles(): Files {
  const folder = join(repository, "templates/demo");
  return Object.fromEntries(filesIn(folder).map((path) => [path, readFileSync(join(folder, path), "utf8")]));
}

export async function sluice(args: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
  const written = { stdout: "", stderr: "" };
  const handlers = new Set<(signal: "SIGINT") => void>();
  const interrupt = (): void => handlers.forEach((handler) => handler("SIGINT"));
  const stream = (name: "stdout" | "stderr") => ({
    isTTY: options.tty ?? false,
    columns: 100,
    closed: false,
    write: async (text: string) => {
      written[name] += text;
      if (name === "stderr") options.onStderr?.(text, interrupt);
    },
  });
  const io: Io = {
    stdout: stream("stdout"),
    stderr: stream("stderr"),
    cwd: options.cwd ?? repository,
    onInterrupt: (handler) => {
      handlers.add(handler);
      return () => void handlers.delete(handler);
    },
    exit: (code) => {
      throw new Error(`the process was ended with ${code}`);
    },
  };
  const code = await main(args, io);
  return { code, ...written, json: <T>() => JSON.parse(written.stdout) as T };
}

function resolveImports(text: string): string {
  return text
    .replaceAll('from "sluice"', `from ${JSON.stringify(join(repository, "src/index.ts"))}`)
    .replaceAll(
      /from "sluice\/(\w+)"/g,
      (_, room: string) => `from ${JSON.stringify(join(repository, `src/${room}/index.ts`))}`,
    );
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => statSync(join(folder, path)).isFile())
    .sort();
}
