// sluice contract infer: suggests a contract from data and writes it as TypeScript.
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { SluiceError } from "../../errors.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { plural } from "../table.ts";

export const command: CommandDefinition = {
  examples: [
    "sluice contract infer data/orders.csv -o contracts/orders.ts",
    "sluice contract infer warehouse.sales --name sale",
  ],
  description:
    "Looks at all rows of a table (CONNECTION.TABLE) or a file (.csv, .parquet, .jsonl), suggests a contract that they satisfy, " +
    "and prints it as TypeScript. Remarks beside the columns say what was seen and what is left to you.",
  arguments: [{ name: "target", description: "a table or a file" }],
  options: [
    { name: "output", short: "o", value: "file", description: "write it there; a file that exists is not touched" },
    { name: "name", value: "name", description: "name of the contract (default: that of the table or the file)" },
  ],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  // The query engine is large, and the help of this command can do without it.
  const { openRows } = await import("../../embedded/table-or-file.ts");
  const { inferContract } = await import("../../quality/infer/infer.ts");
  const { contractName, contractText } = await import("../../quality/infer/contract-file.ts");
  const target = input.argument("target");
  const name = input.text("name") ?? contractName(target);
  const output = input.text("output");
  const path = output === undefined ? null : resolve(context.io.cwd, output);
  if (path !== null && existsSync(path)) {
    throw new SluiceError("USAGE", `${path} exists`, { hint: "Choose another name, or remove it first." });
  }
  const rows = await openRows({ target, folder: context.io.cwd, configPath: context.configPath });
  try {
    const { profile, suggestions } = await inferContract({ ...rows, name });
    const text = contractText({ name, source: rows.title, rows: profile.rows, suggestions });
    if (path !== null) await writeFile(path, text, { flag: "wx" });
    const document = { name, rows: profile.rows, typescript: text, file: output ?? null };
    await context.output.result(document, () => (path === null ? text : ""));
    if (output !== undefined)
      context.output.note(`${output} holds contract "${name}", from ${plural(profile.rows, "row")}`);
    return 0;
  } finally {
    await rows.close();
  }
}
