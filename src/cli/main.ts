// The command line: which commands there are, what happens when one fails, and with which code it ends. A command's code
// is loaded when it is called, so that starting costs little.
import { resolve } from "node:path";
import { Command, CommanderError } from "commander";
import { isSluiceError, SluiceError } from "../errors.ts";
import type { CommandDefinition } from "./command.ts";
import { exitCodeOf, exitCodes } from "./exit-codes.ts";
import { processIo, type Io } from "./io.ts";
import { createOutput, failureOf, type Output } from "./output.ts";
import { defineCommand } from "./parser.ts";
import { packageVersion } from "./version.ts";

export interface CommandEntry {
  /** Its words: ["quarantine", "list"]. */
  readonly path: readonly [string] | readonly [string, string];
  /** One line, for the list of commands. */
  readonly summary: string;
  readonly load: () => Promise<{ readonly command: CommandDefinition }>;
}

/** Every command, in the order of the help. One that others belong to comes before them. */
export const commandTable: readonly CommandEntry[] = [
  { path: ["init"], summary: "Make a new project that runs", load: () => import("./commands/init.ts") },
  { path: ["run"], summary: "Run a pipeline once", load: () => import("./commands/run.ts") },
  { path: ["rerun"], summary: "Run again what a run did not finish", load: () => import("./commands/rerun.ts") },
  { path: ["backfill"], summary: "Run a pipeline for many partitions", load: () => import("./commands/backfill.ts") },
  {
    path: ["serve"],
    summary: "Run the project: schedules, the API, metrics and a status page",
    load: () => import("./commands/serve.ts"),
  },
  { path: ["test"], summary: "Run the project's tests", load: () => import("./commands/test.ts") },
  { path: ["dev"], summary: "Serve, and load what is saved", load: () => import("./commands/dev.ts") },
  { path: ["list"], summary: "List what the project defines", load: () => import("./commands/list.ts") },
  { path: ["runs"], summary: "List runs, newest first", load: () => import("./commands/runs.ts") },
  { path: ["logs"], summary: "Print what the steps of a run logged", load: () => import("./commands/logs.ts") },
  {
    path: ["why"],
    summary: "Say what a run or a pipeline waits for, or why it ended as it did",
    load: () => import("./commands/why.ts"),
  },
  { path: ["report"], summary: "Write a page about a run's data", load: () => import("./commands/report.ts") },
  { path: ["diff"], summary: "Show how a definition has changed", load: () => import("./commands/diff.ts") },
  {
    path: ["approve"],
    summary: "Let a step that waits for a person pass",
    load: () => import("./commands/approve.ts"),
  },
  { path: ["reject"], summary: "Don't let it pass", load: () => import("./commands/reject.ts") },
  { path: ["mark"], summary: "Say how a step ends", load: () => import("./commands/mark.ts") },
  { path: ["cancel"], summary: "Cancel a run", load: () => import("./commands/cancel.ts") },
  {
    path: ["schedules"],
    summary: "List what starts pipelines by itself, and when next",
    load: () => import("./commands/schedules.ts"),
  },
  { path: ["pause"], summary: "Pause a pipeline's schedule", load: () => import("./commands/pause.ts") },
  { path: ["unpause"], summary: "Let it ask for runs again", load: () => import("./commands/unpause.ts") },
  {
    path: ["trigger"],
    summary: "Tell of an event that pipelines wait for",
    load: () => import("./commands/trigger.ts"),
  },
  {
    path: ["partitions"],
    summary: "Show how the partitions of a pipeline stand",
    load: () => import("./commands/partitions.ts"),
  },
  {
    path: ["partitions", "add"],
    summary: "Add keys to a dynamic set",
    load: () => import("./commands/partitions-add.ts"),
  },
  {
    path: ["partitions", "remove"],
    summary: "Remove keys from a dynamic set",
    load: () => import("./commands/partitions-remove.ts"),
  },
  { path: ["backfills"], summary: "List backfills, newest first", load: () => import("./commands/backfills.ts") },
  { path: ["backfills", "cancel"], summary: "Cancel one", load: () => import("./commands/backfills-cancel.ts") },
  {
    path: ["backfills", "resume"],
    summary: "Let a cancelled one go on",
    load: () => import("./commands/backfills-resume.ts"),
  },
  { path: ["query"], summary: "Query the project's connections with SQL", load: () => import("./commands/query.ts") },
  {
    path: ["profile"],
    summary: "Say what is in a table or a file, column by column",
    load: () => import("./commands/profile.ts"),
  },
  {
    path: ["contract", "infer"],
    summary: "Suggest a contract from data, as TypeScript",
    load: () => import("./commands/contract-infer.ts"),
  },
  {
    path: ["contract", "explain"],
    summary: "Show where each rule of a contract runs",
    load: () => import("./commands/contract-explain.ts"),
  },
  {
    path: ["connections", "list"],
    summary: "List what the project is connected to",
    load: () => import("./commands/connections-list.ts"),
  },
  {
    path: ["connections", "test"],
    summary: "Say whether connections work, and what may be done there",
    load: () => import("./commands/connections-test.ts"),
  },
  {
    path: ["quarantine", "list"],
    summary: "Count the rows in quarantine",
    load: () => import("./commands/quarantine-list.ts"),
  },
  {
    path: ["quarantine", "show"],
    summary: "Show rows in quarantine, with what is wrong",
    load: () => import("./commands/quarantine-show.ts"),
  },
  {
    path: ["quarantine", "export"],
    summary: "Write rows in quarantine as lines of JSON",
    load: () => import("./commands/quarantine-export.ts"),
  },
  {
    path: ["quarantine", "replay"],
    summary: "Judge rows in quarantine again, and load what is valid",
    load: () => import("./commands/quarantine-replay.ts"),
  },
  {
    path: ["quarantine", "drop"],
    summary: "Delete rows in quarantine",
    load: () => import("./commands/quarantine-drop.ts"),
  },
  {
    path: ["features", "get"],
    summary: "Read the features of one entity",
    load: () => import("./commands/features-get.ts"),
  },
  { path: ["search"], summary: "Ask an index", load: () => import("./commands/search.ts") },
  { path: ["prune"], summary: "Delete what is stored of old runs", load: () => import("./commands/prune.ts") },
];

const groups: Readonly<Record<string, { readonly description: string; readonly example: string }>> = {
  contract: { description: "Write and look into contracts.", example: "sluice contract infer data/orders.csv" },
  connections: { description: "See what the project is connected to.", example: "sluice connections test" },
  quarantine: { description: "See the rows that a contract set aside.", example: "sluice quarantine list" },
  features: { description: "Read materialized features.", example: "sluice features get customer_activity 17850" },
};

/** Runs the command in `argv` (without the program's name) and returns its exit code. Never rejects. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const output = createOutput(io, isJson(argv));
  let code: number = exitCodes.ok;
  const program = createProgram(argv, io, (ended) => (code = ended));
  try {
    if (argv.length === 0) {
      await io.stderr.write(program.helpInformation());
      return exitCodes.usage;
    }
    // A command's own help is known once it is loaded, which parsing it does.
    await program.parseAsync(argv[0] === "help" ? [...argv.slice(1), "--help"] : argv, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return endOfParser(error, argv, output);
    const failure = failureOf(error);
    output.error(failure);
    if (failure.code === "INTERNAL" && !isSluiceError(error) && error instanceof Error) output.note(error.stack ?? "");
    return exitCodeOf(failure.code);
  }
}

/** Runs the command line of this process. */
export async function start(): Promise<void> {
  process.exitCode = await main(process.argv.slice(2), processIo());
}

function createProgram(argv: readonly string[], io: Io, end: (code: number) => void): Command {
  const program = new Command("sluice")
    .description("An AI data pipeline: extract, validate, load, features, retrieval index.")
    .version(packageVersion(), "--version", "print the version")
    .helpOption("--help", "print this help")
    .option("--project <dir>", "folder of the project (default: where sluice.config.ts is, here or above)")
    .addHelpText(
      "before",
      `Example:\n  $ sluice init demo && cd demo && sluice run orders_daily --partition 2026-01-05\n`,
    )
    .addHelpText(
      "after",
      `\nExit codes: 0 ok, 1 the work failed, 2 usage, 3 configuration, 4 a check failed, 5 not found, 130 interrupted.`,
    )
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      getOutHelpWidth: () => io.stdout.columns,
      getErrHelpWidth: () => io.stderr.columns,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      // Said in one line by `endOfParser`.
      outputError: () => {},
    });
  program.helpCommand("help [command]", "print the help of a command");
  for (const entry of commandTable) {
    const [first, second] = entry.path;
    const parent = second === undefined ? program : groupOf(program, first);
    const command = parent
      .command(second ?? first)
      .summary(entry.summary)
      .description(entry.summary);
    lazily(parent, command, async () => {
      const definition = (await entry.load()).command;
      defineCommand(command, definition, async (input) => {
        const project = command.optsWithGlobals()["project"] as string | undefined;
        end(
          await definition.run(
            {
              io,
              output: createOutput(io, input.flag("json")),
              project: project === undefined ? undefined : resolve(io.cwd, project),
              typed: argv.join(" "),
              configPath: () => findProject(project === undefined ? io.cwd : resolve(io.cwd, project)),
            },
            input,
          ),
        );
      });
    });
  }
  return program;
}

async function findProject(folder: string): Promise<string> {
  const { findConfig } = await import("../embedded/project.ts");
  return findConfig(folder);
}

function groupOf(program: Command, name: string): Command {
  const known = program.commands.find((command) => command.name() === name);
  if (known !== undefined) return known;
  const { description, example } = groups[name]!;
  const group = program
    .command(name)
    .description(description)
    .helpOption("--help", "print this help")
    .helpCommand(false);
  group
    .addHelpText("before", `Example:\n  $ ${example}\n`)
    .allowExcessArguments()
    .action(() => {
      const [given] = group.args;
      throw new SluiceError(
        "USAGE",
        given === undefined ? `sluice ${name} needs to know what to do` : `unknown command '${name} ${given}'`,
        {
          hint: `Use: ${group.commands.map((command) => `sluice ${name} ${command.name()}`).join(" or ")}.`,
        },
      );
    });
  return group;
}

/** Has `define` called when `parent` is about to parse `command`. */
function lazily(parent: Command, command: Command, define: () => Promise<void>): void {
  parent.hook("preSubcommand", async (_parent, called) => {
    if (called === command) await define();
  });
}

function endOfParser(error: CommanderError, argv: readonly string[], output: Output): number {
  if (error.code === "commander.helpDisplayed" || error.code === "commander.version" || error.code === "commander.help")
    return exitCodes.ok;
  const [message = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
  const near = /Did you mean (.+)\?/.exec(rest.join(" "))?.[1];
  output.error({
    code: "USAGE",
    message,
    retryable: false,
    hint:
      near === undefined ? `See: ${["sluice", ...commandWords(argv), "--help"].join(" ")}` : `Did you mean ${near}?`,
  });
  return exitCodes.usage;
}

/** The words of the command that was typed; none when it isn't one. */
function commandWords(argv: readonly string[]): readonly string[] {
  const named = commandTable.filter(({ path }) =>
    argv.some((_, at) => path.every((word, offset) => argv[at + offset] === word)),
  );
  return named.sort((a, b) => b.path.length - a.path.length)[0]?.path ?? [];
}

function isJson(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return (end === -1 ? argv : argv.slice(0, end)).includes("--json");
}

// When this file itself is run: node src/cli/main.ts
if (process.argv[1] !== undefined && import.meta.url === new URL(`file://${process.argv[1]}`).href) await start();
