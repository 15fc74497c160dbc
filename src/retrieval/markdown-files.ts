// Markdown files as documents: `markdown("docs/**/*.md")`. It finds, hashes and decodes them; it doesn't parse them.
import { createHash } from "node:crypto";
import { isUtf8 } from "node:buffer";
import { readFileSync, statSync } from "node:fs";
import { glob } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { SluiceError } from "../errors.ts";
import { markdownDocument, type DocumentEntry, type Documents, type DocumentsContext } from "./document.ts";

/** Which files are left out, and what a document's id is relative to. */
export interface MarkdownOptions {
  /** Glob patterns, relative to the project's folder, of files to leave out. */
  readonly exclude?: string | readonly string[];
  /**
   * The folder that ids are relative to. @default each pattern's own: the part before its first wildcard,
   * so `../docs/**` + `/*.md` finds `../docs/guide/cli.md` as `guide/cli.md`
   */
  readonly base?: string;
}

/**
 * The Markdown files that match one or more glob patterns, relative to the project's folder, in order of their ids.
 * A front matter's `title` names the document; the rest of the front matter is not content.
 *
 * Reading fails with SOURCE_MISSING where no file matches (an index is never emptied by a mistyped path), and with
 * SOURCE_MALFORMED, naming file and byte, where one isn't UTF-8.
 */
export function markdown(patterns: string | readonly string[], options: MarkdownOptions = {}): Documents {
  const wanted = [patterns].flat();
  if (wanted.length === 0 || wanted.some((pattern) => typeof pattern !== "string" || pattern === "")) {
    throw new SluiceError("DEFINITION_INVALID", "markdown(…) has no pattern of files to read", {
      hint: 'Write markdown("docs/**/*.md").',
    });
  }
  const excluded = [options.exclude ?? []].flat();
  return Object.freeze({
    kind: "sluice.documents",
    description: { format: "markdown", patterns: wanted, exclude: excluded, base: options.base ?? null },
    list: (context: DocumentsContext) => list(wanted, excluded, options.base, context),
  });
}

async function* list(
  patterns: readonly string[],
  excluded: readonly string[],
  base: string | undefined,
  { folder, signal }: DocumentsContext,
): AsyncGenerator<DocumentEntry> {
  const left = new Set<string>();
  for (const pattern of excluded) for (const path of (await match(pattern, folder)).paths) left.add(path);
  const idOf = new Map<string, string>();
  for (const pattern of patterns) {
    const { root, paths } = await match(pattern, folder);
    const start = base === undefined ? root : resolve(folder, base);
    for (const path of paths) {
      if (!left.has(path) && !idOf.has(path)) idOf.set(path, relative(start, path).split(sep).join("/"));
    }
  }
  if (idOf.size === 0) {
    throw new SluiceError("SOURCE_MISSING", `No file matches ${patterns.join(", ")} in ${folder}`, {
      hint: "Patterns start at the folder of sluice.config.ts. Nothing was removed from the index.",
      details: { patterns, folder },
    });
  }
  for (const [id, path] of inOrder(idOf)) {
    signal.throwIfAborted();
    const bytes = readIfThere(path);
    if (bytes !== null) yield fileEntry(id, path, bytes);
  }
}

/** Null for a file that went away after it was listed: it is gone, like any other that is. */
function readIfThere(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

function fileEntry(id: string, path: string, bytes: Buffer): DocumentEntry {
  const hash = createHash("sha256").update(bytes).digest("hex");
  return { id, hash, read: () => markdownDocument(id, decode(bytes, path)) };
}

/** The regular files that match, as absolute paths, and the folder before the pattern's first wildcard. */
async function match(pattern: string, folder: string): Promise<{ root: string; paths: string[] }> {
  const parts = pattern.split("/");
  const wild = parts.findIndex((part) => /[*?[\]{}()!+@]/.test(part));
  const fixed = wild === -1 ? parts.length - 1 : wild;
  const root = resolve(folder, parts.slice(0, fixed).join("/") || (pattern.startsWith("/") ? "/" : "."));
  const paths: string[] = [];
  for await (const found of glob(parts.slice(fixed).join("/"), { cwd: root })) {
    const path = join(root, found);
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) paths.push(path);
  }
  return { root, paths };
}

function inOrder(idOf: ReadonlyMap<string, string>): [id: string, path: string][] {
  const pathOf = new Map<string, string>();
  for (const [path, id] of idOf) {
    const other = pathOf.get(id);
    if (other !== undefined) {
      throw new SluiceError("DEFINITION_INVALID", `${other} and ${path} would both be the document "${id}"`, {
        hint: "Give markdown(…) a base folder above both, so that their ids differ.",
        details: { id, paths: [other, path] },
      });
    }
    pathOf.set(id, path);
  }
  return [...pathOf].sort(([a], [b]) => (a < b ? -1 : 1));
}

function decode(bytes: Buffer, path: string): string {
  if (!isUtf8(bytes)) {
    const offset = firstInvalidByte(bytes);
    throw new SluiceError("SOURCE_MALFORMED", `${path} is not valid UTF-8: byte ${offset} can't be read`, {
      hint: "Save the file as UTF-8, or leave it out with exclude.",
      details: { path, offset },
    });
  }
  return new TextDecoder().decode(bytes);
}

/** The lenient decoder puts U+FFFD where it is lost; the first one that isn't in the bytes marks the place. */
function firstInvalidByte(bytes: Buffer): number {
  const text = bytes.toString("utf8");
  let offset = 0;
  let from = 0;
  for (let at = text.indexOf("\uFFFD"); at !== -1; at = text.indexOf("\uFFFD", from)) {
    offset += Buffer.byteLength(text.slice(from, at));
    if (bytes.readUIntBE(offset, Math.min(3, bytes.length - offset)) !== 0xefbfbd) break;
    offset += 3;
    from = at + 1;
  }
  return offset;
}
