// Cuts a document into chunks along its structure. Promised of every document: chunks are exact slices in order, they
// don't overlap, nothing but blank space lies between them, none is over the budget, none ends inside a character; code and
// tables that fit the budget are whole; and a section's cuts depend on it alone, so an edit leaves the others' as they were.
import type { Document } from "./document.ts";
import { markdownBlocks, type Block } from "./markdown-blocks.ts";
import { cutText } from "./text-cuts.ts";

export interface Chunk {
  /** The headings above and at the chunk, outermost first. */
  readonly heading: readonly string[];
  /** The document's text from `start` to `end`. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Line in the document, from 1. */
  readonly line: number;
}

export interface ChunkedDocument {
  /** From the front matter, else the first heading. */
  readonly title: string | null;
  readonly chunks: readonly Chunk[];
}

/** A heading and what follows it up to the next one; `children` are the sections below it. */
interface Section {
  readonly level: number;
  readonly heading: readonly string[];
  readonly blocks: Block[];
  readonly children: Section[];
}

/** What may be cut although it fits the budget, so that a heading isn't left alone. */
const cuttable: ReadonlySet<Block["kind"]> = new Set(["prose", "list", "item", "quote"]);

interface Span {
  start: number;
  end: number;
}

/**
 * The chunks of a Markdown document. A section that fits with all those below it in a third of the budget is one
 * chunk; otherwise each section has chunks of its own, filled block by block, and a heading with nothing under it but
 * other headings opens the first of theirs. What is longer than the budget is cut between the items of a list, the lines of
 * code and tables, and the sentences of prose.
 */
export function chunkMarkdown(document: Document, maxCharacters: number): ChunkedDocument {
  const { text } = document;
  const { blocks, lineStarts } = markdownBlocks(text, document.contentStart);
  const spanOf = (block: Block): Span => trim(text, lineStarts[block.first]!, lineStarts[block.last]!);
  const topTitle = blocks.find((block) => block.level > 0)?.title ?? null;
  const hasTop = blocks.some((block) => block.level === 1);
  const root = sections(blocks, document.title !== null && !hasTop ? [document.title] : []);
  const chunks: Chunk[] = [];
  let line = 0;

  const emit = (span: Span, heading: readonly string[]): void => {
    while (lineStarts[line + 1]! <= span.start) line += 1;
    chunks.push({ heading, text: text.slice(span.start, span.end), start: span.start, end: span.end, line: line + 1 });
  };

  /** `opening` are headings above this section that have no text of their own. */
  const emitSection = (section: Section, opening: Span | null): void => {
    const own = section.blocks.map(spanOf);
    const last = lastBlock(section);
    if (section.level > 0 && last !== undefined) {
      const whole = { start: (opening ?? own[0]!).start, end: spanOf(last).end };
      const limit = section.children.length === 0 ? maxCharacters : maxCharacters / 3;
      if (whole.end - whole.start <= limit) return emit(whole, section.heading);
    }
    if (section.level > 0 && section.blocks.length === 1 && section.children.length > 0) {
      const headings = { start: (opening ?? own[0]!).start, end: own[0]!.end };
      if (headings.end - headings.start <= maxCharacters / 3) return emitChildren(section, headings);
    }
    pack(section.blocks, opening).forEach((span) => emit(span, section.heading));
    emitChildren(section, null);
  };

  const emitChildren = (section: Section, opening: Span | null): void =>
    section.children.forEach((child, position) => emitSection(child, position === 0 ? opening : null));

  /** Fills spans up to the budget, block by block. A heading isn't left alone where what follows it can be cut. */
  const pack = (sectionBlocks: readonly Block[], opening: Span | null): Span[] => {
    const spans: Span[] = opening === null ? [] : [{ ...opening }];
    let headingsOnly = opening !== null;
    const fits = (span: Span): boolean => spans.length > 0 && span.end - spans.at(-1)!.start <= maxCharacters;
    const add = (span: Span): void => {
      if (fits(span)) spans.at(-1)!.end = span.end;
      else spans.push({ ...span });
    };
    const cut = (block: Block, first: number): void => {
      const options = { max: maxCharacters, first, lines: block.kind !== "prose" && block.kind !== "heading" };
      cutText(text, spanOf(block), options).forEach(add);
    };
    const addBlock = (block: Block): void => {
      const span = spanOf(block);
      const whole =
        span.end - span.start <= maxCharacters && (!headingsOnly || fits(span) || !cuttable.has(block.kind));
      const left = headingsOnly ? maxCharacters - (span.start - spans.at(-1)!.start) : 0;
      if (whole) add(span);
      else if (block.children.length > 0) block.children.forEach(addBlock);
      else cut(block, left > maxCharacters / 4 ? left : maxCharacters);
      headingsOnly = false;
    };
    sectionBlocks.forEach((block, position) => {
      if (block.kind !== "heading" || position > 0) return addBlock(block);
      cut(block, maxCharacters);
      headingsOnly = true;
    });
    return spans;
  };

  emitSection(root, null);
  return { title: document.title ?? topTitle, chunks };
}

function sections(blocks: readonly Block[], rootHeading: readonly string[]): Section {
  const root: Section = { level: 0, heading: rootHeading, blocks: [], children: [] };
  const open = [root];
  for (const block of blocks) {
    if (block.level > 0) {
      while (open.length > 1 && open.at(-1)!.level >= block.level) open.pop();
      const above = open.at(-1)!;
      const heading = block.title === "" ? above.heading : [...above.heading, block.title];
      const section: Section = { level: block.level, heading, blocks: [], children: [] };
      above.children.push(section);
      open.push(section);
    }
    open.at(-1)!.blocks.push(block);
  }
  return root;
}

function lastBlock(section: Section): Block | undefined {
  const child = section.children.at(-1);
  return child === undefined ? section.blocks.at(-1) : lastBlock(child);
}

/** Without blank lines before and blank space after; the first line keeps its indentation, which has a meaning. */
function trim(text: string, from: number, to: number): Span {
  const slice = text.slice(from, to);
  const end = from + slice.trimEnd().length;
  const indent = slice.length - slice.trimStart().length;
  const lineStart = slice.lastIndexOf("\n", Math.max(0, indent - 1)) + 1;
  return { start: indent === 0 ? from : from + lineStart, end };
}
