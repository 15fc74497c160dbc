// What a command is: its arguments and options as data, and the function that does the work. main.ts turns the data
// into a parser and its help.
import type { Io } from "./io.ts";
import type { Output } from "./output.ts";

export interface ArgumentDefinition {
  /** As in the help: "pipeline". */
  readonly name: string;
  readonly description: string;
  readonly optional?: boolean;
  /** Takes one or more words, all that are left. */
  readonly several?: boolean;
}

export interface OptionDefinition {
  /** Without dashes: "as-of". */
  readonly name: string;
  /** One letter for the same: "o" is typed -o. */
  readonly short?: string;
  /** Name of its value in the help; none for a switch. */
  readonly value?: string;
  readonly description: string;
  readonly required?: boolean;
  /** The value is a whole number from `minimum` (default 1) to `maximum`. */
  readonly number?: { readonly minimum?: number; readonly maximum?: number };
  readonly choices?: readonly string[];
  readonly default?: string | number;
  /** May be given more than once. */
  readonly several?: boolean;
}

/** What was typed, checked against the definition. */
export interface CommandInput {
  argument(name: string): string;
  /** The words of an argument that takes several. */
  words(name: string): readonly string[];
  text(option: string): string | undefined;
  /** What an option that may be given more than once was given. */
  texts(option: string): readonly string[];
  number(option: string): number | undefined;
  flag(option: string): boolean;
}

export interface CommandContext {
  readonly io: Io;
  readonly output: Output;
  /** Path of the project's configuration; CONFIG_NOT_FOUND where there is none. */
  readonly configPath: () => Promise<string>;
  /** Was a project named with --project? */
  readonly project: string | undefined;
  /** The command as it was typed, without "sluice". */
  readonly typed: string;
}

export interface CommandDefinition {
  /** Commands as one types them, shown first in the help. */
  readonly examples: readonly string[];
  /** What it does, in some sentences. */
  readonly description: string;
  readonly arguments?: readonly ArgumentDefinition[];
  readonly options?: readonly OptionDefinition[];
  /** Returns the exit code. */
  readonly run: (context: CommandContext, input: CommandInput) => Promise<number>;
}
