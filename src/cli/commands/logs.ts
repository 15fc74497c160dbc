// sluice logs: what the code of a run's steps logged, in order; to its end, or for as long as the run goes on.
import { followRun } from "../../embedded/follow.ts";
import type { AttemptLogLine, RunRecord } from "../../engine/stores/run-store.ts";
import { openReader, type Reader } from "../../embedded/reader.ts";
import { SluiceError } from "../../errors.ts";
import { viewLogLine, type LogView } from "../../monitor/run-view.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { exitCodes } from "../exit-codes.ts";
import { oneLine } from "../table.ts";

export const command: CommandDefinition = {
  examples: [
    "sluice logs retail_daily-2011-01-04 --step clean",
    "sluice logs retail_daily-2011-01-04 --tail 20 --follow",
    "sluice logs retail_daily-2011-01-04 --json | jq '.[].message'",
  ],
  description:
    "Prints what the steps of a run logged, in the order it was written. With --follow it goes on until the run has ended; " +
    "in JSON it prints a line per line then.",
  arguments: [{ name: "run", description: "id of the run, or as much of its beginning as names it alone" }],
  options: [
    { name: "step", value: "name", description: "only this step" },
    { name: "item", value: "n", description: "only this item of a mapped step, from 0", number: { minimum: 0 } },
    { name: "attempt", value: "n", description: "only this attempt, from 1", number: {} },
    { name: "tail", value: "n", description: "only the last lines, so many", number: { maximum: 100_000 } },
    { name: "after", value: "position", description: "only lines after this position", number: { minimum: 0 } },
    { name: "follow", description: "go on as lines are written, until the run has ended" },
  ],
  run,
};

const pageSize = 1_000;

type Line = AttemptLogLine & { readonly position: number };
type Filter = { step?: string; item?: number; attempt?: number };

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  using reader = openReader(await context.configPath());
  const record = await reader.findRun(input.argument("run"));
  const [step, item, attempt] = [input.text("step"), input.number("item"), input.number("attempt")];
  const filter: Filter = {
    ...(step === undefined ? {} : { step }),
    ...(item === undefined ? {} : { item }),
    ...(attempt === undefined ? {} : { attempt }),
  };
  const tail = input.number("tail");
  if (tail !== undefined && input.number("after") !== undefined) {
    throw new SluiceError("USAGE", "--tail and --after can't be given together", {
      hint: "Say with one of them where to begin.",
    });
  }
  const { output } = context;
  const follow = input.flag("follow");
  const logs: LogView[] = [];
  let last = 0;
  const print = async (page: readonly Line[]): Promise<void> => {
    last = page.at(-1)?.position ?? last;
    const views = page.map(viewLogLine);
    if (output.json && !follow) logs.push(...views);
    else await context.io.stdout.write(views.map(output.json ? jsonLine : logText).join(""));
  };
  const store = reader.store();
  if (tail === undefined) {
    for (let after = input.number("after") ?? 0; ;) {
      const page = await store.logs(record.id, { ...filter, after, limit: pageSize });
      await print(page);
      if (page.length < pageSize || context.io.stdout.closed) break;
      after = last;
    }
  } else await print(await store.logs(record.id, { ...filter, limit: tail, tail: true }));
  if (output.json && !follow) await output.result(logs, () => "");
  if (last === 0 && !follow) output.note("nothing was logged");
  if (!follow) return exitCodes.ok;
  // Awaited here: the reader is closed at the end of this function.
  return await followLogs(context, reader, record, { filter, after: () => last, print });
}

async function followLogs(
  { io, output }: CommandContext,
  reader: Reader,
  record: RunRecord,
  { filter, after, print }: { filter: Filter; after: () => number; print: (page: readonly Line[]) => Promise<void> },
): Promise<number> {
  const stopped = new AbortController();
  const release = io.onInterrupt(() => stopped.abort(new SluiceError("CANCELLED", "Stopped following")));
  try {
    const { status } = await followRun(reader, record, {
      signal: stopped.signal,
      onLook: async (store) => {
        for (;;) {
          const page = await store.logs(record.id, { ...filter, after: after(), limit: pageSize });
          await print(page);
          if (io.stdout.closed) stopped.abort(new SluiceError("CANCELLED", "Nobody reads any more"));
          if (page.length < pageSize) return;
        }
      },
    });
    output.note(`the run is ${status}`);
    return exitCodes.ok;
  } catch (error) {
    // Whoever follows a log stops when they have seen enough: that is no failure.
    if (stopped.signal.aborted) return io.stdout.closed ? exitCodes.ok : exitCodes.interrupted;
    throw error;
  } finally {
    release();
  }
}

function logText(line: LogView): string {
  const fields = line.fields === null ? "" : ` ${JSON.stringify(line.fields)}`;
  const item = line.item === null ? "" : `[${line.item}]`;
  return `${line.at} ${line.level.padEnd(5)} ${line.step}${item}#${line.attempt} ${oneLine(line.message)}${fields}\n`;
}

function jsonLine(line: LogView): string {
  return `${JSON.stringify(line)}\n`;
}
