// What is indexed: documents, and where they come from. A source of documents lists them with a hash each, so that one
// that hasn't changed is never parsed; reading its text is a second, lazy step.
import type { JsonObject } from "../json.ts";

/** A text under a name. Offsets of chunks count in `text` (UTF-16 code units, as JavaScript strings do). */
export interface Document {
  /** Unique in its index, the same from sync to sync: a path with `/` for files. */
  readonly id: string;
  /** From the front matter or the first heading; null where there is neither. */
  readonly title: string | null;
  readonly text: string;
  /** Where the content starts: what comes before it (front matter) is not indexed. */
  readonly contentStart: number;
}

/** A document in a listing: what it is called, which version it is, and how to get it. */
export interface DocumentEntry {
  readonly id: string;
  /** Changes whenever the document does. */
  readonly hash: string;
  /** Throws SOURCE_MALFORMED if the content isn't what it is declared to be. */
  readonly read: () => Document;
}

/** What listing documents is given. */
export interface DocumentsContext {
  /** Relative paths start here. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** A source of documents, such as `markdown(…)` makes. Ids are unique in a listing, and come in order. */
export interface Documents {
  readonly kind: "sluice.documents";
  /** What it reads, as data: part of the pipeline's version. */
  readonly description: JsonObject;
  readonly list: (context: DocumentsContext) => AsyncIterable<DocumentEntry>;
}

/** A rule (`---`) at the top of a text looks the same; front matter starts with a key or a comment, or is empty. */
const frontMatter = /^---[ \t]*\r?\n(?:((?:[\w"'$.-]+[ \t]*:|#)[^]*?)\r?\n)??(?:---|\.\.\.)[ \t]*(?:\r?\n|$)/;

/** Makes a document of a Markdown text: its front matter, if there is one, gives the title and is no content. */
export function markdownDocument(id: string, text: string): Document {
  const matter = frontMatter.exec(text);
  const contentStart = matter === null ? 0 : matter[0].length;
  const title = matter === null ? null : titleOf(matter[1] ?? "");
  return { id, title, text, contentStart };
}

function titleOf(matter: string): string | null {
  const value = /^title:[ \t]*(.*?)[ \t]*\r?$/m.exec(matter)?.[1] ?? "";
  const quoted = /^(["'])(.*)\1$/.exec(value);
  const title = quoted === null ? value.replace(/\s+#.*$/, "") : quoted[2]!;
  return title === "" ? null : title;
}
