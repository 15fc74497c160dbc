// Who does what a command asks for: an engine of this process's own where the state folder is free, else the process that
// works on it, which is asked through the store and does the same.
import { userInfo } from "node:os";
import { dirname } from "node:path";
import { homeFolder } from "../config.ts";
import { askEngine } from "../embedded/ask.ts";
import { openEngine, type Engine, type EngineOptions } from "../embedded/engine.ts";
import { homeAt } from "../embedded/home.ts";
import { openReader, type Reader } from "../embedded/reader.ts";
import type { Instruction } from "../engine/stores/instruction.ts";
import { isSluiceError, type SluiceError } from "../errors.ts";
import type { Json } from "../json.ts";
import type { CommandContext } from "./command.ts";
import { exitCodes } from "./exit-codes.ts";
import { plural } from "./table.ts";

export interface AccessOptions extends Omit<EngineOptions, "configPath" | "command"> {
  /** Is everything finished that this process's own engine was asked for, also by others, before it ends? @default false */
  readonly wait?: boolean;
}

export interface EngineAccess {
  /** This process's own engine; null where another process does the work. */
  readonly engine: Engine | null;
  /** Reads what is stored, whoever does the work. */
  readonly reader: Reader;
  /** Resolves once it has been done, and is durable. */
  instruct(instruction: Instruction): Promise<Json>;
  close(): Promise<void>;
}

async function openAccess(
  context: CommandContext,
  options: Omit<EngineOptions, "configPath" | "command">,
): Promise<EngineAccess> {
  const configPath = await context.configPath();
  const by = userName();
  try {
    const engine = await openEngine({ configPath, command: context.typed, ...options });
    if (engine.recovered > 0)
      context.output.note(`finishing ${plural(engine.recovered, "run")} that an earlier process left unfinished`);
    const reader = openReader(configPath);
    return {
      engine,
      reader,
      instruct: (instruction) => engine.instruct(instruction, by),
      close: async () => {
        reader.close();
        await engine.close();
      },
    };
  } catch (error) {
    if (!isSluiceError(error) || error.code !== "HOME_BUSY") throw error;
    const reader = openReader(configPath);
    const home = homeAt(homeFolder(dirname(configPath)));
    return {
      engine: null,
      reader,
      instruct: async (instruction) => {
        try {
          return await askEngine(home, instruction, by);
        } catch (cause) {
          throw isSluiceError(cause) && cause.code === "WORKER_LOST" ? new SchedulerGone(cause) : cause;
        }
      },
      close: async () => reader.close(),
    };
  }
}

/** The process that was asked has ended before it answered, and what it was asked was taken back. */
class SchedulerGone extends Error {
  constructor(cause: SluiceError) {
    super(cause.message, { cause });
  }
}

/** How often a command looks again for who does its work, where whoever did has just ended. */
const attempts = 3;

/**
 * Opens, works and closes, whatever comes of it. Where the process that was asked ends at that very moment, as a
 * `sluice run` does when its run has ended, it begins again: here, or with the one that has taken over.
 */
export async function withAccess<T>(
  context: CommandContext,
  { wait = false, ...options }: AccessOptions,
  work: (access: EngineAccess) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const access = await openAccess(context, options);
    try {
      const result = await work(access);
      if (wait && access.engine !== null && result !== exitCodes.interrupted) await settle(context, access.engine);
      return result;
    } catch (error) {
      if (!(error instanceof SchedulerGone)) throw error;
      if (attempt === attempts) throw error.cause;
    } finally {
      await access.close();
    }
  }
}

/** Milliseconds after which it is said what is waited for. */
const patience = 1_000;

/** Other commands may have asked this process for something; what it has promised them it does before it ends. */
async function settle({ output }: CommandContext, engine: Engine): Promise<void> {
  const telling = setTimeout(() => output.note("finishing what other commands have asked for meanwhile"), patience);
  try {
    await engine.settled();
  } finally {
    clearTimeout(telling);
  }
}

/** Who asks, as it is noted: the user's name on this machine. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user without an entry in the machine's list, as in some containers.
    return `user ${process.getuid?.() ?? "unknown"}`;
  }
}
