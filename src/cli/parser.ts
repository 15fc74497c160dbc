// A command's definition as a commander command: its arguments, options and help.
import { InvalidArgumentError, Option, type Command } from "commander";
import type { CommandDefinition, CommandInput, OptionDefinition } from "./command.ts";

/** Fills in `command`; `run` is called when it has been parsed. */
export function defineCommand(
  command: Command,
  definition: CommandDefinition,
  run: (input: CommandInput) => Promise<void>,
): void {
  command.description(definition.description);
  command.helpOption("--help", "print this help");
  command.addHelpText("before", `Example:\n${definition.examples.map((example) => `  $ ${example}\n`).join("")}`);
  for (const argument of definition.arguments ?? []) {
    const name = argument.several === true ? `${argument.name}...` : argument.name;
    command.argument(argument.optional === true ? `[${name}]` : `<${name}>`, argument.description);
  }
  for (const option of definition.options ?? []) command.addOption(toOption(option));
  command.option("--json", "print the result as JSON");
  command.action(async () => run(inputOf(command, definition)));
}

function toOption(definition: OptionDefinition): Option {
  const long = definition.value === undefined ? `--${definition.name}` : `--${definition.name} <${definition.value}>`;
  const flags = definition.short === undefined ? long : `-${definition.short}, ${long}`;
  const option = new Option(flags, definition.description);
  if (definition.choices !== undefined) option.choices(definition.choices);
  if (definition.required === true) option.makeOptionMandatory();
  if (definition.default !== undefined) option.default(definition.default);
  if (definition.several === true) {
    option.argParser((text, before: readonly string[] | undefined) => [...(before ?? []), text]);
  }
  const { number } = definition;
  if (number !== undefined)
    option.argParser((text) => wholeNumber(text, number.minimum ?? 1, number.maximum ?? Number.MAX_SAFE_INTEGER));
  return option;
}

function wholeNumber(text: string, minimum: number, maximum: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= minimum && value <= maximum) return value;
  const range = maximum === Number.MAX_SAFE_INTEGER ? `from ${minimum} up` : `from ${minimum} to ${maximum}`;
  throw new InvalidArgumentError(`It must be a whole number ${range}.`);
}

function inputOf(command: Command, definition: CommandDefinition): CommandInput {
  // Where a command of its own has others below it, it takes the options that both have, such as --json.
  const options = command.optsWithGlobals();
  const key = (name: string): string => name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const position = (name: string): number => definition.arguments!.findIndex((argument) => argument.name === name);
  return {
    argument: (name) => command.args[position(name)] ?? "",
    words: (name) => command.args.slice(position(name)),
    texts: (name) => (options[key(name)] as readonly string[] | undefined) ?? [],
    text: (name) => options[key(name)] as string | undefined,
    number: (name) => options[key(name)] as number | undefined,
    // The parser takes --no-wait for the opposite of a switch "wait".
    flag: (name) => (name.startsWith("no-") ? options[key(name.slice(3))] === false : options[key(name)] === true),
  };
}
