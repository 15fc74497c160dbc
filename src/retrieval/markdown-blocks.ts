// The block structure of a Markdown text (CommonMark and tables), as lines. It finds what may not be cut apart; it neither
// renders nor reads inline markup, but for the plain text of headings.
import MarkdownIt from "markdown-it";

export interface Block {
  /** `other` are lines that no rule claims, such as link definitions. */
  readonly kind: "heading" | "prose" | "code" | "table" | "html" | "rule" | "list" | "item" | "quote" | "other";
  /** First line, from 0, and the line after the last one. */
  readonly first: number;
  readonly last: number;
  /** 1 to 6 for a heading, else 0. */
  readonly level: number;
  /** A heading's text without its markup. */
  readonly title: string;
  /** What a list, an item or a quote is made of. */
  readonly children: readonly Block[];
}

export interface MarkdownBlocks {
  readonly blocks: readonly Block[];
  /** Offset where each line starts, and one more: the text's length. */
  readonly lineStarts: readonly number[];
}

const kinds: Readonly<Record<string, Block["kind"]>> = {
  heading_open: "heading",
  paragraph_open: "prose",
  fence: "code",
  code_block: "code",
  html_block: "html",
  hr: "rule",
  table_open: "table",
  bullet_list_open: "list",
  ordered_list_open: "list",
  list_item_open: "item",
  blockquote_open: "quote",
};
const containers: ReadonlySet<Block["kind"]> = new Set(["list", "item", "quote"]);

const parser = new MarkdownIt("commonmark").enable("table");

/** Blocks of `text` from `contentStart` on. Every line with something on it is in a block; blocks don't share lines. */
export function markdownBlocks(text: string, contentStart = 0): MarkdownBlocks {
  // The same length as the text, so that offsets hold: the parser itself only knows \n, and front matter is no content.
  const source = (text.slice(0, contentStart).replace(/[^\r\n]/g, " ") + text.slice(contentStart))
    .replace(/\r\n/g, " \n")
    .replace(/\r/g, "\n")
    .replaceAll("\0", "\uFFFD");
  const lineStarts = [0];
  for (let at = source.indexOf("\n"); at !== -1; at = source.indexOf("\n", at + 1)) lineStarts.push(at + 1);
  if (lineStarts.at(-1) !== source.length) lineStarts.push(source.length);
  const tokens: ReturnType<typeof parser.parse> = [];
  parser.block.parse(source, parser, {}, tokens);

  let at = 0;
  const blank = (line: number) => source.slice(lineStarts[line], lineStarts[line + 1]).trim() === "";
  /** The blocks between here and the end of the container, covering its lines from `first` to `last`. */
  const read = (first: number, last: number): Block[] => {
    const found: Block[] = [];
    let line = first;
    const fill = (until: number): void => {
      while (line < until && blank(line)) line += 1;
      let end = until;
      while (end > line && blank(end - 1)) end -= 1;
      if (end > line) found.push({ kind: "other", first: line, last: end, level: 0, title: "", children: [] });
      line = Math.max(line, until);
    };
    for (let token = tokens[at]; token !== undefined && token.nesting >= 0; token = tokens[at]) {
      const kind = kinds[token.type] ?? "other";
      const start = Math.max(line, token.map?.[0] ?? line);
      let end = Math.min(last, token.map?.[1] ?? start);
      while (end > start && blank(end - 1)) end -= 1;
      const inline = tokens[at + 1];
      at += 1;
      fill(start);
      const children = token.nesting === 1 && containers.has(kind) ? read(start, end) : [];
      if (token.nesting === 1) skipToClose();
      if (end <= start) continue;
      const heading = kind === "heading";
      found.push({
        kind,
        first: start,
        last: end,
        children,
        level: heading ? Number(token.tag.slice(1)) : 0,
        title: heading ? plainText(inline?.content ?? "") : "",
      });
      line = end;
    }
    fill(last);
    return found;
  };
  /** Past the closing token of the block that is open, over whatever it holds. */
  const skipToClose = (): void => {
    for (let depth = 1; depth > 0 && at < tokens.length; at += 1) depth += tokens[at]!.nesting;
  };
  return { blocks: read(0, lineStarts.length - 1), lineStarts };
}

function plainText(markup: string): string {
  // Most headings have no markup at all, and the inline pass is the slow one.
  const text = /[*_`[\]<&\\!]/.test(markup)
    ? (parser.parseInline(markup, {})[0]?.children ?? [])
        .map((token) => (token.type === "html_inline" ? "" : token.content))
        .join("")
    : markup;
  return text
    .replace(/\s*\{#[^}]*\}\s*$/, "")
    .replace(/\s+/g, " ")
    .trim();
}
