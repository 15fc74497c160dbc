// sluice why: what a run and each of its steps wait for, or why they ended as they did; what a run that was asked for waits
// for; when a pipeline is due next, and what stops it.
import { explainStoredPipeline, explainStoredRequest, explainStoredRun } from "../../embedded/explanations.ts";
import { openReader, type Reader } from "../../embedded/reader.ts";
import type { RunRecord } from "../../engine/stores/run-store.ts";
import type { Explanation } from "../../monitor/explain.ts";
import { viewRequest, type RequestView } from "../../monitor/request-view.ts";
import { viewRun, type RunView } from "../../monitor/run-view.ts";
import { viewSchedule, type ScheduleView } from "../../monitor/schedule-view.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { formatTable } from "../table.ts";

export const command: CommandDefinition = {
  examples: [
    "sluice why retail_daily-2011-01-04",
    "sluice why retail_daily",
    "sluice why retail_daily-2011-01-04 --json | jq '.steps[] | select(.waitsOn == \"pool\") | .because'",
  ],
  description:
    "Says what each step of a run waits for, or why it ended as it did; and of a run that was interrupted, how to go on with " +
    "it. Of a run that was asked for and has not begun, named by its key, it says what it waits for; and of a pipeline, " +
    "when it is due next and what stops it.",
  arguments: [
    {
      name: "what",
      description:
        "id of a run, or as much of its beginning as names it alone; key of a request; or name of a pipeline",
    },
  ],
  run,
};

interface Answer extends Explanation {
  readonly run: RunView | null;
  readonly request: RequestView | null;
  readonly pipeline: ScheduleView | null;
  /** What stops a pipeline or a request, as sentences. */
  readonly reasons: readonly string[];
}

const none = { run: null, request: null, pipeline: null, interrupted: false, reasons: [], steps: [] } as const;

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  using reader = openReader(await context.configPath());
  const answer = await answerTo(reader, input.argument("what"));
  await context.output.result(answer, () => answerText(answer));
  return 0;
}

async function answerTo(reader: Reader, what: string): Promise<Answer> {
  const store = reader.store();
  const [request] = await store.requests({ key: what });
  if (request !== undefined)
    return { ...none, request: viewRequest(request), ...(await explainStoredRequest(reader, request)) };
  const [exact] = await store.runsNamed(what, 1);
  const begun = exact?.id === what ? exact : await store.runByRequest(what);
  if (begun !== null && begun !== undefined) return aboutRun(reader, begun);
  // A pipeline's runs begin with its name, so the name itself means the pipeline.
  if (reader.note()?.versions[what] !== undefined || (await store.versions(what)).length > 0) {
    const { situation, ...explanation } = await explainStoredPipeline(reader, what);
    return { ...none, pipeline: viewSchedule(situation, Date.now()), ...explanation };
  }
  return aboutRun(reader, await reader.findRun(what));
}

async function aboutRun(reader: Reader, record: RunRecord): Promise<Answer> {
  return { ...none, run: viewRun(record), ...(await explainStoredRun(reader, record)) };
}

function answerText({ run, summary, reasons, steps, interrupted, command }: Answer): string {
  const table =
    steps.length === 0
      ? ""
      : `\n${formatTable(
          [{ title: "step" }, { title: "status" }, { title: "why" }],
          steps.map((step) => [step.name, step.status, step.because]),
        )}`;
  const list = reasons.map((reason) => `  ${reason}\n`).join("");
  const title = interrupted
    ? "Resume it with"
    : run !== null && run.status !== "running"
      ? "Run it again with"
      : "Next";
  const next = command === null ? "" : `\n${title}: ${command}\n`;
  return `${run === null ? "" : `${run.id}: `}${summary}\n${list}${table}${next}`;
}
