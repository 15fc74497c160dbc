// sluice contract explain: which rule of a contract runs where, and why.
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { loadProject } from "../definitions.ts";
import { SluiceError } from "../../errors.ts";
import { formatTable } from "../table.ts";

export const command: CommandDefinition = {
  examples: [
    "sluice contract explain invoice_line",
    `sluice contract explain invoice_line --json | jq '.rules[] | select(.runs != "columnar")'`,
  ],
  description:
    "Shows where each rule of a contract runs: in the columnar pass over all rows, or in JS, on the rows that need it. " +
    "Nothing is approximated: what has no exact twin in SQL is left to JS.",
  arguments: [{ name: "contract", description: "name of a contract that a pipeline validates by" }],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  const name = input.argument("contract");
  const { contracts } = await loadProject(await context.configPath());
  const found = contracts.find(({ contract }) => contract === name);
  if (found === undefined) {
    throw new SluiceError("NOT_FOUND", `No pipeline validates by a contract "${name}"`, {
      hint:
        contracts.length === 0
          ? "A pipeline validates with a step such as: validate(lines, invoiceLine)."
          : `There are ${[...new Set(contracts.map(({ contract }) => contract))].join(", ")}.`,
    });
  }
  await context.output.result(found, () => {
    const rows = found.rules.map(({ column, rule, runs, why }) => [column ?? "(row)", rule, places[runs], why]);
    const key = found.key.length === 0 ? "" : `\nkey: ${found.key.join(", ")}`;
    const lines = found.linesParsed === null ? "most valid lines are known by a pattern" : "every line is parsed";
    const why = found.linesParsed === null ? "" : `, because of ${found.linesParsed}`;
    return `${found.contract}, written in ${found.vendor}${key}\nJSONL: ${lines}${why}\n\n${formatTable([{ title: "column" }, { title: "rule" }, { title: "runs" }, { title: "why" }], rows)}`;
  });
  return 0;
}

const places = { columnar: "columnar", both: "columnar + JS", js: "JS" } as const;
