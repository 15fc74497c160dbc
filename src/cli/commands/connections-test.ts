// sluice connections test: does it answer, as whom, and what may we do there?
import type { CheckedConnection } from "../../embedded/connections.ts";
import { SluiceError } from "../../errors.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { exitCodeOf } from "../exit-codes.ts";
import { formatTable, oneLine } from "../table.ts";

export const command: CommandDefinition = {
  examples: ["sluice connections test", "sluice connections test warehouse app --json"],
  description:
    "Opens connections as a step would and says what answers, who we are there, and whether we may read and write. It " +
    "changes nothing. Each problem is a line on stderr, and the exit code is that of the first one.",
  arguments: [
    { name: "name", description: "names of connections; all where none is given", optional: true, several: true },
  ],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  const { checkConnections } = await import("../../embedded/connections.ts");
  const interrupted = new AbortController();
  const release = context.io.onInterrupt(() =>
    interrupted.abort(new SluiceError("CANCELLED", "The test was interrupted")),
  );
  try {
    const checked = await checkConnections(await context.configPath(), input.words("name"), interrupted.signal);
    await context.output.result(checked.map(asJson), () =>
      formatTable(
        [
          { title: "connection" },
          { title: "vendor" },
          { title: "reads" },
          { title: "writes" },
          { title: "as" },
          { title: "what answers" },
        ],
        checked.map(({ name, vendor, findings }) => [
          name,
          vendor,
          findings === null ? "-" : answer(findings.reads),
          findings === null ? "-" : answer(findings.writes),
          findings?.as ?? "-",
          findings?.server ?? "PROBLEM",
        ]),
      ),
    );
    const problems = checked.filter(({ problem }) => problem !== null);
    if (!context.output.json)
      for (const { name, problem } of problems) context.output.note(problemLine(name, problem!));
    if (checked.length === 0) context.output.note("sluice.config.ts defines no connection");
    const [first] = problems;
    return first === undefined ? 0 : exitCodeOf(first.problem!.code);
  } finally {
    release();
  }
}

function asJson({ name, vendor, findings, problem }: CheckedConnection) {
  return {
    name,
    vendor,
    ok: problem === null,
    server: findings?.server ?? null,
    as: findings?.as ?? null,
    reads: findings?.reads ?? null,
    writes: findings?.writes ?? null,
    problem: problem === null ? null : { code: problem.code, message: problem.message, hint: problem.hint ?? null },
  };
}

function answer(may: boolean | null): string {
  return may === null ? "?" : may ? "yes" : "no";
}

function problemLine(name: string, problem: { readonly message: string; readonly hint?: string | undefined }): string {
  const hint = problem.hint === undefined ? "" : ` ${problem.hint}`;
  return oneLine(`error: ${name}: ${problem.message}.${hint}`);
}
