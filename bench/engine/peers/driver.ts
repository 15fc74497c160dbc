// A peer that is driven from its own language: a program that says when it is ready, waits for the word, runs the
// workload and says when it asked and when all had ended. Lines that are meant for us start with "bench ".
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { Asked, Size, Workload } from "./figures.ts";
import type { Session } from "./session.ts";

/** Ready to run: everything is started and nothing runs. */
export interface Ready {
  run(): Promise<Asked>;
}

/** How long a workload may take. */
const LONGEST_SECONDS = 900;

/** Asks once a second whether all has ended, for peers that only answer questions. Throws after a quarter of an hour. */
export async function awaitEnd(look: () => Promise<Omit<Asked, "asked"> | null>): Promise<Omit<Asked, "asked">> {
  for (let second = 0; second < LONGEST_SECONDS; second += 1) {
    await sleep(1000);
    const end = await look();
    if (end !== null) return end;
  }
  throw new Error(`The runs have not ended within ${LONGEST_SECONDS} s`);
}

/** Starts a driver, which is told the workload, the runs and the tasks of each run. */
export async function startDriver(
  session: Session,
  command: readonly string[],
  { workload, size, env = {} }: { workload: Workload; size: Size; env?: Readonly<Record<string, string>> },
): Promise<Ready> {
  const driver = session.start("driver", [...command, workload, String(size.runs), String(size.tasks)], {
    env,
    piped: true,
  });
  const lines: string[] = [];
  let ended = false;
  createInterface({ input: driver.process.stdout! })
    .on("line", (line) => {
      if (line.startsWith("bench ")) lines.push(line.slice("bench ".length));
    })
    .once("close", () => (ended = true));
  const next = async (seconds: number): Promise<string> => {
    await session.ready(driver, async () => lines.length > 0 || ended, seconds);
    const line = lines.shift();
    if (line === undefined) throw new Error(`The driver ended without a word:\n${driver.log()}`);
    return line;
  };
  const word = await next(120);
  if (word !== "ready") throw new Error(`The driver said "${word}" and not that it is ready`);
  return {
    run: async () => {
      driver.process.stdin!.write("go\n");
      return JSON.parse(await next(LONGEST_SECONDS)) as Asked;
    },
  };
}
