// sluice test: runs the project's tests with Node's own test runner, and ends as they do.
import { spawn, type ChildProcess } from "node:child_process";
import { globSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { SluiceError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { exitCodes } from "../exit-codes.ts";

export const command: CommandDefinition = {
  examples: ["sluice test", "sluice test tests/orders-daily.test.ts"],
  description:
    "Runs the tests of the project, tests/**/*.test.ts, with Node's test runner. Tests run pipelines against fixtures with " +
    "testPipeline from sluice/testing. Ends with 0 when all pass, and with 1 when one fails.",
  arguments: [
    {
      name: "files",
      description: "test files, or patterns of them; all of tests/ when there are none",
      optional: true,
      several: true,
    },
  ],
  run,
};

const patterns = ["tests/**/*.test.{ts,mts,js,mjs}"];

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  const { io, output } = context;
  const folder = dirname(await context.configPath());
  const files = testFiles(folder, io.cwd, input.words("files"));
  const reporter = input.flag("json") ? "tap" : "spec";
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "--test", `--test-reporter=${reporter}`, ...files],
    {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const stop = io.onInterrupt((signal) => void child.kill(signal));
  let report = "";
  const printed = [
    forward(child.stdout, (text) => (input.flag("json") ? void (report += text) : io.stdout.write(text))),
    forward(child.stderr, (text) => io.stderr.write(text)),
  ];
  try {
    const { code, signal } = await ended(child);
    await Promise.all(printed);
    if (signal !== null) return exitCodes.interrupted;
    if (input.flag("json")) await output.result(countsOf(report, files.length), () => "");
    return code === 0 ? exitCodes.ok : exitCodes.failed;
  } finally {
    stop();
  }
}

/** Absolute paths of the test files that are meant. */
function testFiles(folder: string, cwd: string, given: readonly string[]): string[] {
  const [from, wanted] = given.length === 0 ? [folder, patterns] : [cwd, given];
  const found = [
    ...new Set(wanted.flatMap((pattern) => globSync(pattern, { cwd: from }).map((path) => resolve(from, path)))),
  ];
  if (found.length > 0) return found.sort();
  const what = given.length === 0 ? join(relative(cwd, folder), "tests") : given.join(", ");
  throw new SluiceError("NOT_FOUND", `There is no test in ${what}`, {
    hint: "Write one as tests/orders.test.ts, with testPipeline from sluice/testing.",
  });
}

async function forward(stream: NodeJS.ReadableStream, print: (text: string) => void | Promise<void>): Promise<void> {
  stream.setEncoding("utf8");
  for await (const text of stream) await print(text as string);
}

function ended(child: ChildProcess): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }> {
  return new Promise((done, failed) => {
    child.on("error", failed);
    child.on("exit", (code, signal) => done({ code, signal }));
  });
}

/** What the runner counts in the last lines of its report. */
function countsOf(report: string, files: number): JsonObject {
  const count = (what: string): number => Number(new RegExp(`^# ${what} (\\d+)$`, "m").exec(report)?.[1] ?? 0);
  const failures = [...report.matchAll(/^ *not ok \d+ - (.*)$/gm)].map((match) => match[1]!);
  return {
    files,
    tests: count("tests"),
    passed: count("pass"),
    failed: count("fail") + count("cancelled"),
    skipped: count("skipped") + count("todo"),
    failures,
  };
}
