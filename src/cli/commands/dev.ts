// sluice dev: serve, while one works on the project: what is saved is loaded, and what runs goes on.
import type { Reloaded } from "../../embedded/dev.ts";
import { shellWord } from "../../monitor/sentence.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { exitCodes } from "../exit-codes.ts";
import { createProgress, runTitle } from "../progress.ts";
import { addressOf, serviceOptions, untilInterrupted } from "../service-options.ts";
import { formatDuration, oneLine, plural } from "../table.ts";
import { packageVersion } from "../version.ts";
import { changeTexts } from "./diff.ts";

export const command: CommandDefinition = {
  examples: ["sluice dev", "sluice dev --port 0"],
  description:
    "Does what sluice serve does, and loads the project's files again whenever one is saved: new runs use what was saved, runs " +
    "under way end with the code they began with. It says what has changed; a file that can't be loaded is told in one line, " +
    "and what was there before stays.",
  options: serviceOptions,
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  const configPath = await context.configPath();
  const { output, io } = context;
  const { serveProject } = await import("../../embedded/serve.ts");
  const { startDev } = await import("../../embedded/dev.ts");
  const progress = createProgress({ io, now: Date.now, plan: (record) => plans().get(record.pipeline), many: false });
  const ended = new Set<string>();
  const service = await serveProject({
    configPath,
    ...addressOf(input),
    version: packageVersion(),
    engine: {
      command: context.typed,
      onChange: (record, state) => {
        progress.onChange(record, state);
        if (record.status === "running" || ended.has(record.id)) return;
        ended.add(record.id);
        const failed = [...state.steps].find(([, step]) => step.status === "failed");
        const why = failed === undefined ? "" : `: ${failed[0]}: ${oneLine(failed[1].error?.message ?? "failed")}`;
        progress.say(`${runTitle(record)} ${record.status} (${record.id})${why}`);
      },
      onLog: progress.onLog,
    },
  });
  const engine = service.engine!;
  const plans = (): typeof engine.plans => engine.plans;
  const dev = startDev({
    engine,
    configPath,
    onReload: (reloaded) => progress.say(reloadText(reloaded)),
    onFailure: (failure, files) => {
      progress.stop();
      output.error({ ...failure, message: `${files.join(", ")} can't be loaded: ${failure.message}` });
      output.note("what was there before stays");
    },
  });
  await output.result({ url: service.url, readOnly: false, writing: service.writing }, () => "");
  output.note(`serving ${service.url}, and loading what is saved (stop with Ctrl-C)`);
  await untilInterrupted(context, service, async () => {
    progress.stop();
    await dev.close();
    await service.close();
  });
  return exitCodes.ok;
}

/** Changes of one pipeline that are told; `sluice diff` shows all. */
const changesShown = 5;

function reloadText({ files, ms, added, removed, changed }: Reloaded): string {
  const lines = [
    ...added.map((name) => `  ${name} is new`),
    ...removed.map((name) => `  ${name} is gone`),
    ...changed.flatMap(({ pipeline, changes }) => [
      ...changes.slice(0, changesShown).map(({ path, before, after }) => {
        const [left, right] = changeTexts(before, after);
        return `  ${pipeline}: ${path}: ${left} -> ${right}`;
      }),
      ...(changes.length > changesShown
        ? [`  ${pipeline}: ${plural(changes.length - changesShown, "more change")}`]
        : []),
    ]),
  ];
  const what = lines.length === 0 ? ", no definition has changed" : "";
  return [`loaded ${files.map(shellWord).join(", ")} in ${formatDuration(ms)}${what}`, ...lines].join("\n");
}
