// sluice quarantine replay: judges quarantined rows again, after the contract or the rows were mended, and loads what is
// valid now.
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { currentPlan } from "../../embedded/explanations.ts";
import { prepareReplay, type PreparedReplay, type RunningReplay } from "../../embedded/replay.ts";
import { SluiceError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { withAccess } from "../engine-access.ts";
import { followStarted, reportStarted, runProgress, type StartedRun } from "../follow-run.ts";
import { plural } from "../table.ts";

export const command: CommandDefinition = {
  examples: [
    "sluice quarantine replay retail_daily --partition 2010-12-01",
    "sluice quarantine replay retail_daily --partition 2010-12-01 --from rows.jsonl",
  ],
  description:
    "Makes a run that judges the quarantined rows again, by the contract as it is now, and goes on with what is valid: each row is " +
    "loaded once, whatever is killed in between. With --from, rows are taken from a file that sluice quarantine export wrote and a " +
    "person mended. What still breaks the contract goes back to quarantine.",
  arguments: [{ name: "pipeline", description: "name of the pipeline" }],
  options: [
    { name: "partition", value: "key", description: "the partition, in a pipeline that has partitions" },
    { name: "step", value: "name", description: "the step that set them aside, where several did" },
    { name: "run", value: "id", description: "the run that set them aside, where several did" },
    { name: "from", value: "file", description: "mended rows, as lines of {record, row}" },
    { name: "no-wait", description: "ask for the run and end; a scheduler runs it (sluice serve)" },
  ],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  const pipeline = input.argument("pipeline");
  const partition = input.text("partition") ?? null;
  const [from, run] = [input.text("from"), input.text("run")];
  const mended =
    from === undefined
      ? new Map<number, JsonObject>()
      : await mendedRows(resolve(context.io.cwd, from), partition, run);
  const progress = runProgress(context);
  const wait = !input.flag("no-wait");
  try {
    return await withAccess(context, { wait, onChange: progress.onChange, onLog: progress.onLog }, async (access) => {
      for (const plan of access.engine?.plans.values() ?? []) progress.plans.set(plan.version, plan);
      const prepared = await prepareReplay(
        access.reader,
        async (name) => access.engine?.plans.get(name) ?? (await currentPlan(access.reader, name)),
        { pipeline, partition, step: input.text("step"), run, mended },
      );
      const started = await begin(context, access.instruct, prepared);
      return wait
        ? await followStarted(context, access, started, progress)
        : await reportStarted(context, access, started);
    });
  } finally {
    progress.stop();
  }
}

async function begin(
  { output }: CommandContext,
  instruct: (instruction: { type: "rerun"; run: string; scope: "step"; step: string; id: string }) => Promise<unknown>,
  prepared: PreparedReplay | RunningReplay,
): Promise<StartedRun> {
  if ("running" in prepared) {
    output.note(`${prepared.running}, which was asked for before, is still under way`);
    return { run: prepared.running };
  }
  const { run: id, step, rows, mode } = prepared;
  output.note(
    `${plural(rows, "row")} of step ${step} ${rows === 1 ? "is" : "are"} judged again${mode === "whole" ? ", with all others of the run" : ""}`,
  );
  return (await instruct({ type: "rerun", run: id, scope: "step", step, id: prepared.id })) as StartedRun;
}

async function mendedRows(
  path: string,
  partition: string | null,
  run: string | undefined,
): Promise<Map<number, JsonObject>> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new SluiceError("SOURCE_MISSING", `${path} can't be read`, {
      hint: "Make it: sluice quarantine export PIPELINE -o FILE",
      cause,
    });
  }
  const rows = new Map<number, JsonObject>();
  for (const [position, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const { record, row, partition: its, runId } = parse(line, path, position + 1);
    if (its !== undefined && its !== partition) continue;
    if (run !== undefined && runId !== undefined && runId !== run) continue;
    if (rows.has(record)) throw malformed(path, position + 1, `has record ${record} a second time`);
    rows.set(record, row);
  }
  if (rows.size === 0 && run !== undefined && text.trim() !== "") {
    throw new SluiceError("USAGE", `${path} has no row of run ${run}`, {
      hint: "Export them: sluice quarantine export PIPELINE --run RUN -o FILE",
    });
  }
  return rows;
}

function parse(
  line: string,
  path: string,
  number: number,
): { record: number; row: JsonObject; partition?: string | null; runId?: string } {
  let value: { record?: unknown; row?: unknown } | null;
  try {
    value = JSON.parse(line) as typeof value;
  } catch {
    throw malformed(path, number, "is not JSON");
  }
  const isRow = typeof value?.row === "object" && value.row !== null && !Array.isArray(value.row);
  if (!Number.isSafeInteger(value?.record) || !isRow) throw malformed(path, number, "is not {record, row}");
  return value as { record: number; row: JsonObject };
}

function malformed(path: string, line: number, what: string): SluiceError {
  return new SluiceError("SOURCE_MALFORMED", `${path}, line ${line}, ${what}`, {
    hint: "Each line is one row, as sluice quarantine export writes it.",
  });
}
