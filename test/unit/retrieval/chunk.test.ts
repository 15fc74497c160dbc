import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chunkMarkdown, type Chunk } from "../../../src/retrieval/chunk.ts";
import { markdownDocument } from "../../../src/retrieval/document.ts";
import { markdownBlocks, type Block } from "../../../src/retrieval/markdown-blocks.ts";

const chunksOf = (text: string, max = 1500) => chunkMarkdown(markdownDocument("d", text), max).chunks;
const words = (count: number, word = "word") => `${`${word} `.repeat(count - 1)}${word}.`;

/** Everything that is promised of the chunks of any document. */
function expectLaws(text: string, max: number): readonly Chunk[] {
  const document = markdownDocument("d", text);
  const { chunks } = chunkMarkdown(document, max);
  let end = document.contentStart;
  for (const chunk of chunks) {
    expect(chunk.text).toBe(text.slice(chunk.start, chunk.end));
    expect(chunk.text.trim()).not.toBe("");
    expect(chunk.text.length).toBeLessThanOrEqual(max);
    expect(chunk.text.isWellFormed()).toBe(true);
    expect(chunk.start).toBeGreaterThanOrEqual(end);
    expect(text.slice(end, chunk.start).trim()).toBe("");
    expect(chunk.line).toBe(text.slice(0, chunk.start).split(/\r\n|\r|\n/).length);
    end = chunk.end;
  }
  expect(text.slice(end).trim()).toBe("");
  expectWholeBlocks(document.text, document.contentStart, max, chunks);
  return chunks;
}

function expectWholeBlocks(text: string, contentStart: number, max: number, chunks: readonly Chunk[]): void {
  const { blocks, lineStarts } = markdownBlocks(text, contentStart);
  const check = (block: Block): void => {
    block.children.forEach(check);
    if (block.kind !== "code" && block.kind !== "table") return;
    const from = lineStarts[block.first]!;
    const length = text.slice(from, lineStarts[block.last]!).trimEnd().length;
    if (length > max) return;
    const cuts = chunks.filter((chunk) => chunk.end > from && chunk.end < from + length);
    expect(
      cuts.map((chunk) => chunk.text.slice(-80)),
      `cut: ${text.slice(from, from + length)}`,
    ).toEqual([]);
  };
  blocks.forEach(check);
}

const inline = fc.oneof(
  { weight: 4, arbitrary: fc.lorem({ maxCount: 30, mode: "words" }) },
  fc.string({ unit: "grapheme", maxLength: 200 }),
  fc.constantFrom(
    "資料管線會在每天凌晨兩點執行。它讀取訂單！",
    "👩‍👩‍👧‍👦🇹🇼🙂",
    "[a]: /url",
    "a\u00a0b",
    "é".normalize("NFD"),
    "\0",
  ),
);
const block: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(fc.integer({ min: 1, max: 4 }), inline).map(([level, text]) => `${"#".repeat(level)} ${text}`),
  },
  { weight: 4, arbitrary: fc.array(inline, { minLength: 1, maxLength: 6 }).map((lines) => lines.join("\n")) },
  fc.array(inline, { maxLength: 12 }).map((lines) => `\`\`\`ts\n${lines.join("\n")}\n\`\`\``),
  fc.array(inline, { minLength: 1, maxLength: 6 }).map((items) => items.map((item) => `- ${item}`).join("\n")),
  fc
    .tuple(inline, inline)
    .map(([a, b]) => `1. ${a}\n\n   ~~~\n   ${b}\n\n   ${a}\n   ~~~\n2. ${b}\n   > - ${a}\n   >   ${b}`),
  fc
    .array(fc.tuple(fc.lorem(), fc.lorem()), { minLength: 1, maxLength: 9 })
    .map((rows) => ["| a | b |", "|---|---|", ...rows.map(([a, b]) => `| ${a} | ${b} |`)].join("\n")),
  inline.map((text) => `> ${text}\n> ${text}`),
  inline.map((text) => `    ${text}\n        ${text}`),
  fc.constantFrom("---", "Title\n=====", "<div>\n\n<!-- x -->", "```", "#", "* * *", "\t- x", "   "),
);
const markdownText = fc
  .tuple(
    fc.constantFrom("", "---\ntitle: T\n---\n", "\uFEFF", "\n\n"),
    fc.array(block, { maxLength: 14 }),
    fc.constantFrom("\n", "\n\n", "\r\n\r\n", "\r"),
  )
  .map(([start, blocks, between]) => start + blocks.join(between));

describe("chunks of a document", () => {
  it("are ordered exact slices within the budget that cover everything, and cut no code or table that fits", () => {
    fc.assert(
      fc.property(
        fc.oneof(markdownText, fc.string({ unit: "grapheme", maxLength: 600 })),
        fc.integer({ min: 20, max: 400 }),
        (text, max) => {
          expectLaws(text, max);
        },
      ),
      { numRuns: 600 },
    );
  });

  it("are the same every time", () => {
    fc.assert(
      fc.property(markdownText, (text) => void expect(chunksOf(text, 200)).toEqual(chunksOf(text, 200))),
      { numRuns: 50 },
    );
  });

  it("of other sections stay as they were when one section is edited", () => {
    const section = fc.tuple(fc.integer({ min: 60, max: 400 }), fc.integer({ min: 0, max: 5 }));
    fc.assert(
      fc.property(fc.array(section, { minLength: 3, maxLength: 8 }), fc.nat(), section, (sections, at, edit) => {
        const edited = at % sections.length;
        const render = (list: [number, number][]) =>
          `# Guide\n\n${list
            .map(
              ([size, paragraphs], position) =>
                `## Part ${position}\n\n${Array(paragraphs + 1)
                  .fill(words(size, `w${position}`))
                  .join("\n\n")}`,
            )
            .join("\n\n")}\n`;
        const texts = (list: [number, number][]) =>
          new Set(
            chunksOf(render(list), 600)
              .filter((chunk) => !chunk.heading.includes(`Part ${edited}`))
              .map((chunk) => chunk.text),
          );
        expect(texts(sections.with(edited, edit))).toEqual(texts(sections));
      }),
      { numRuns: 50 },
    );
  });

  it("stand under the path of their headings", () => {
    const text = `# The *guide*\n\n${words(150)}\n\n## Use \`sync\` [now](x)\n\n${words(150)}\n\n### Deep\n\n${words(150)}\n\n## Next {#id}\n\n${words(9)}\n`;
    expect(chunksOf(text).map((chunk) => chunk.heading)).toEqual([
      ["The guide"],
      ["The guide", "Use sync now"],
      ["The guide", "Use sync now", "Deep"],
      ["The guide", "Next"],
    ]);
  });

  it("keep small sections under one heading together, and long ones apart", () => {
    const small = "# Terms\n\n## Run\n\nA run.\n\n## Step\n\nA step.\n";
    expect(chunksOf(small).map((chunk) => chunk.text)).toEqual([small.trim()]);
    const long = `# Terms\n\n## Run\n\n${words(100)}\n\n## Step\n\n${words(100)}\n`;
    expect(chunksOf(long).map((chunk) => chunk.heading)).toEqual([
      ["Terms", "Run"],
      ["Terms", "Step"],
    ]);
    expect(chunksOf(long)[0]!.text).toMatch(/^# Terms\n\n## Run\n/);
  });

  it("take no heading from code, and no section from a list or a quote", () => {
    const text = `# A\n\n\`\`\`sh\n# not a heading\n\`\`\`\n\n- # neither this\n\n> # nor this\n\n${words(400)}`;
    expect(new Set(chunksOf(text).map((chunk) => chunk.heading.join()))).toEqual(new Set(["A"]));
  });

  it("don't leave a heading alone before what is cut anyway", () => {
    const [first] = chunksOf(`## Heading\n\n${words(800)}`);
    expect(first!.text.length).toBeGreaterThan(1000);
  });

  it("end at the ends of lines in long code, and at the ends of sentences in long prose of any script", () => {
    const code = `\`\`\`\n${Array.from({ length: 90 }, (_, line) => `  call(${line}); // some code`).join("\n")}\n\`\`\``;
    const pieces = chunksOf(code, 300);
    expect(pieces.length).toBeGreaterThan(5);
    for (const piece of pieces.slice(0, -1)) expect(piece.text).toMatch(/some code$/);
    for (const piece of pieces.slice(1, -1)) expect(piece.text).toMatch(/^ {2}call/);
    const sentence = "資料管線會在每天凌晨兩點執行，它讀取前一天的訂單。";
    for (const piece of chunksOf(sentence.repeat(60), 200)) expect(piece.text).toMatch(/。$/);
    for (const piece of chunksOf("One two three four five. ".repeat(60).trim(), 200))
      expect(piece.text).toMatch(/five\.$/);
  });

  it("cut a run without spaces between the characters people see, and a character longer than the budget between code points", () => {
    const family = "👩‍👩‍👧‍👦";
    for (const chunk of expectLaws(family.repeat(40), 50)) expect(chunk.text.replaceAll(family, "")).toBe("");
    const long = `a${"\u{1D165}".repeat(40)}`;
    expect(
      expectLaws(long, 20)
        .map((chunk) => chunk.text)
        .join(""),
    ).toBe(long);
  });

  it("cut a list between its items, and keep code inside an item whole", () => {
    const item = `- Do this:\n\n  \`\`\`sh\n${"  run it\n".repeat(12)}  \`\`\`\n`;
    const chunks = expectLaws(item.repeat(8), 300);
    for (const chunk of chunks) expect(chunk.text).toMatch(/^- Do this/);
  });

  it("never contain front matter, which gives the title", () => {
    const document = markdownDocument(
      "d",
      `---\ntitle: "A: guide" \ndraft: true\n---\n\nText.\n\n## Sub\n\n${words(200)}`,
    );
    const { title, chunks } = chunkMarkdown(document, 600);
    expect(title).toBe("A: guide");
    expect(chunks.map((chunk) => chunk.heading)).toEqual([["A: guide"], ["A: guide", "Sub"], ["A: guide", "Sub"]]);
    expect(chunks[0]).toMatchObject({ text: "Text.", line: 6 });
    expect(chunksOf("---\n\nNo front matter, but a rule.\n\n---\n")[0]!.text).toMatch(/^---/);
  });

  it("are none for a document with nothing on it", () => {
    for (const text of ["", "\n \t\n", "---\ntitle: x\n---\n", "---\n---"]) expect(chunksOf(text)).toEqual([]);
  });

  it("come in time that grows with the text, however it is nested or long a line is", () => {
    const cases = [
      "> ".repeat(5000),
      "- ".repeat(5000),
      "a".repeat(300_000),
      "*a ".repeat(50_000),
      "[".repeat(50_000),
      "|a".repeat(30_000),
      `${" ".repeat(30_000)}x`,
    ];
    for (const text of cases) {
      const start = performance.now();
      expectLaws(`# T\n\n${text}`, 1500);
      expect(performance.now() - start, text.slice(0, 9)).toBeLessThan(3000);
    }
  });
});

const spec = join(import.meta.dirname, "../../../../shared/suites/commonmark/spec.txt");

describe.skipIf(!existsSync(spec))("the CommonMark spec (skipped where ../shared/suites/commonmark is missing)", () => {
  const text = existsSync(spec) ? readFileSync(spec, "utf8") : "";

  it.each([100, 300, 1500])("holds every law as one document, at most %d characters a chunk", (max) => {
    expect(expectLaws(text, max).length).toBeGreaterThan(text.length / max);
  });

  it("holds every law in each of its examples", () => {
    const examples = [...text.matchAll(/^`{32} example\n([^]*?)^\.\n[^]*?^`{32}$/gm)].map((match) =>
      match[1]!.replaceAll("→", "\t"),
    );
    expect(examples.length).toBeGreaterThan(600);
    for (const example of examples) for (const max of [20, 60]) expectLaws(example, max);
  });
});
