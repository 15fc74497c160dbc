// Every command that a page shows can be typed as it stands: the command is there, and its options and arguments are.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command, CommanderError } from "commander";
import { describe, expect, it } from "vitest";
import { commandTable } from "../../src/cli/main.ts";
import { defineCommand } from "../../src/cli/parser.ts";
import { root } from "../e2e/command.ts";
import { pages } from "./pages.ts";

interface Shown {
  readonly where: string;
  readonly text: string;
}

/** The words of a shell line up to where the command ends; what the shell makes of quotes, as far as the pages use them. */
function wordsOf(line: string): string[][] {
  const commands: string[][] = [[]];
  for (const [token, double, single] of line.matchAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'|#.*$|&&|\|\|?|;|[^\s"';|&]+/g)) {
    const quoted = double?.replace(/\\(.)/g, "$1") ?? single;
    if (quoted !== undefined) commands.at(-1)!.push(quoted);
    else if (token.startsWith("#")) break;
    else if (/^(?:&&|\|\|?|;)$/.test(token)) commands.push([]);
    else commands.at(-1)!.push(token);
  }
  return commands;
}

function sluiceArguments(words: readonly string[]): string[] | null {
  if (words[0] === "sluice") return words.slice(1);
  if (words[0] === "npx" && words[1] === "sluice") return words.slice(2);
  return null;
}

/** What is wrong with `sluice …args`, or null. */
async function fault(args: readonly string[]): Promise<string | null> {
  if (args.length === 1 && ["--version", "--help", "help"].includes(args[0]!)) return null;
  const words = args[0] === "--project" ? args.slice(2) : args;
  const entry = commandTable
    .filter(({ path }) => path.every((word, at) => words[at] === word))
    .sort((a, b) => b.path.length - a.path.length)[0];
  if (entry === undefined) return `there is no command "${words.slice(0, 2).join(" ")}"`;
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} });
  defineCommand(command, (await entry.load()).command, async () => {});
  try {
    await command.parseAsync(words.slice(entry.path.length), { from: "user" });
    return null;
  } catch (error) {
    if (error instanceof CommanderError) return error.message;
    throw error;
  }
}

async function faults(shown: readonly Shown[]): Promise<string[]> {
  const found: string[] = [];
  for (const { where, text } of shown) {
    for (const words of wordsOf(text)) {
      const args = sluiceArguments(words);
      const wrong = args === null ? null : await fault(args);
      if (wrong !== null) found.push(`${where}: ${text}: ${wrong}`);
    }
  }
  return found;
}

const shellLines: Shown[] = pages().flatMap((page) =>
  page.fences
    .filter((fence) => /^sh\b/.test(fence.info))
    .flatMap((fence) =>
      fence.text
        .replaceAll("\\\n", " ")
        .split("\n")
        .map((text, at) => ({ where: `${page.path}:${fence.line + at}`, text })),
    ),
);

describe("commands in the pages", () => {
  it("have the names, options and arguments that there are", async () => {
    const commands = shellLines.flatMap(({ text }) => wordsOf(text).flatMap((words) => sluiceArguments(words) ?? []));
    expect(commands.length).toBeGreaterThan(40);
    expect(await faults(shellLines)).toEqual([]);
  });

  it("are named as they are in the text, too", async () => {
    const named = pages().flatMap((page) =>
      [...page.prose.matchAll(/`((?:npx )?sluice [a-z][^`]*)`/g)].map((match) => ({
        where: page.path,
        text: match[1]!,
      })),
    );
    expect(named.length).toBeGreaterThan(5);
    // The text may speak of a command without what it needs; options that there are not, it may not.
    const wrong = (await faults(named)).filter((line) => !/missing required argument|required option/.test(line));
    expect(wrong).toEqual([]);
  });

  it("are, in the help, examples that can be typed", async () => {
    const examples: Shown[] = [];
    for (const entry of commandTable) {
      const { command } = await entry.load();
      expect(command.examples.length, entry.path.join(" ")).toBeGreaterThan(0);
      examples.push(...command.examples.map((text) => ({ where: `sluice ${entry.path.join(" ")} --help`, text })));
    }
    expect(await faults(examples)).toEqual([]);
  });

  it("that npm runs are scripts of package.json", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    const named = pages().flatMap((page) =>
      [...page.text.matchAll(/\bnpm run ([a-z:-]+)/g)].map((match) => ({ page: page.path, script: match[1]! })),
    );
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter(({ script }) => !(script in scripts))).toEqual([]);
  });

  it("would be found out", async () => {
    expect(await fault(["runs", "--limt", "3"])).toMatch(/unknown option '--limt'/);
    expect(await fault(["rum"])).toMatch(/no command "rum"/);
    expect(await fault(["run"])).toMatch(/missing required argument/);
    expect(await fault(["runs", "--status", "done"])).toMatch(/Allowed choices/);
    expect(await fault(["features", "get", "view", "key", "more"])).toMatch(/too many arguments/);
    expect(wordsOf(`npx sluice search docs "how do I \\"backfill\\"?" --json | jq '.[0]' # best`)).toEqual([
      ["npx", "sluice", "search", "docs", 'how do I "backfill"?', "--json"],
      ["jq", ".[0]"],
    ]);
  });
});
