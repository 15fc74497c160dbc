// sluice search: the chunks of an index that answer a question best.
import { openReader } from "../../embedded/reader.ts";
import type { SearchHit } from "../../retrieval/search.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { oneLine } from "../table.ts";

export const command: CommandDefinition = {
  examples: [
    'sluice search docs "how do I backfill?"',
    "sluice search docs \"how do I backfill?\" --limit 1 --json | jq -r '.[0].document'",
  ],
  description:
    "Asks an index and prints the chunks that answer best, best first, with the file and the heading they stand under.",
  arguments: [
    { name: "index", description: "name of the index" },
    { name: "query", description: "the question" },
  ],
  options: [
    { name: "limit", value: "n", description: "at most so many chunks", number: { maximum: 1000 }, default: 5 },
  ],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  using reader = openReader(await context.configPath());
  const [index, query] = [input.argument("index"), input.argument("query")];
  const hits = await reader.search(index, query, { limit: input.number("limit") ?? 5 });
  await context.output.result(hits, () => hits.map(hitText).join("\n"));
  if (hits.length === 0) context.output.note("nothing in the index answers that");
  return 0;
}

const snippetLength = 300;

function hitText(hit: SearchHit, position: number): string {
  const text = oneLine(hit.text.replace(/\s+/g, " ").trim());
  const snippet = text.length > snippetLength ? `${text.slice(0, snippetLength).trimEnd()}…` : text;
  const heading = hit.heading.length === 0 ? "" : `  ${oneLine(hit.heading.join(" > "))}`;
  return `${position + 1}. ${oneLine(hit.document)}:${hit.line}${heading}\n   ${snippet}\n`;
}
