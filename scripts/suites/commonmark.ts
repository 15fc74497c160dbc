// CommonMark's own examples as documents: each is chunked with a small and with a usual budget, and the laws of
// chunking are checked on the result. PATH is the spec's spec.txt, or any file with examples in the same form.
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { chunkMarkdown } from "../../src/retrieval/chunk.ts";
import { markdownDocument } from "../../src/retrieval/document.ts";
import type { Suite, SuiteCase } from "./suite.ts";

const budgets = [40, 1500];

export const suite: Suite = async (path) => {
  const spec = readFileSync(path, "utf8");
  const fence = "`".repeat(32);
  const examples = [...spec.matchAll(new RegExp(`^${fence} example\\n([\\s\\S]*?)^\\.\\n[\\s\\S]*?^${fence}$`, "gm"))];
  return examples.map((match, position): SuiteCase => {
    const text = match[1]!.replaceAll("→", "\t");
    const broken = budgets.map((budget) => brokenLaw(text, budget)).find((law) => law !== null);
    return {
      file: basename(path),
      title: `example ${position + 1}`,
      outcome: broken === undefined ? "passed" : "failed",
      reason: broken ?? "",
    };
  });
};

function brokenLaw(text: string, budget: number): string | null {
  const document = markdownDocument("example.md", text);
  const { chunks } = chunkMarkdown(document, budget);
  // Front matter is not content: `---` twice at the top of a file is an empty one.
  let end = document.contentStart;
  for (const chunk of chunks) {
    if (chunk.text !== text.slice(chunk.start, chunk.end)) return "a chunk is not the slice that it says it is";
    if (chunk.start < end) return "chunks overlap or are out of order";
    if (text.slice(end, chunk.start).trim() !== "")
      return `text is in no chunk: ${JSON.stringify(text.slice(end, chunk.start))}`;
    if (chunk.text.length > budget) return `a chunk has ${chunk.text.length} characters, the budget is ${budget}`;
    if (!chunk.text.isWellFormed()) return "a chunk ends inside a character";
    end = chunk.end;
  }
  return text.slice(end).trim() === "" ? null : `text is in no chunk: ${JSON.stringify(text.slice(end))}`;
}
