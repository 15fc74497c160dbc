// The project's pages as the tests of this folder read them: Markdown files, their fences, headings and links.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../e2e/command.ts";

export interface Fence {
  /** What stands behind the opening backticks: "ts", "sh run" … */
  readonly info: string;
  readonly text: string;
  /** Of its first line, from 1. */
  readonly line: number;
  /** Code that a comment right above it adds where it is checked: `<!-- given: … -->`. */
  readonly given: string;
}

export interface Page {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
  readonly fences: readonly Fence[];
  /** The text without its fences. */
  readonly prose: string;
}

/** Every page that people read: at the root, in docs/, in the examples and the templates. */
export function pages(): Page[] {
  const inFolder = (folder: string): string[] =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .map((name) => join(folder, name))
      .filter((path) => path.endsWith(".md") && !path.includes("node_modules"));
  const atRoot = readdirSync(root).filter((name) => name.endsWith(".md"));
  return [...atRoot, ...["docs", "examples", "templates"].flatMap(inFolder)].sort().map(readPage);
}

export function readPage(path: string): Page {
  const text = readFileSync(join(root, path), "utf8");
  const prose = text.replace(/^```.*\n[\s\S]*?^```$/gm, "");
  return { path, text, fences: fencesIn(text), prose };
}

export function fencesIn(text: string): Fence[] {
  const pattern = /(?:^<!-- given:\s([\s\S]*?)\s-->\n+)?^```([^\n]*)\n([\s\S]*?)^```$/gm;
  return [...text.matchAll(pattern)].map((match) => {
    const [whole, given = "", info = "", body = ""] = match;
    const before = text.slice(0, match.index + whole.length - body.length - "```".length);
    return { info: info.trim(), text: body, line: before.split("\n").length, given };
  });
}

/** Anchors that GitHub makes of a page's headings. */
export function anchorsOf(page: Page): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of page.prose.matchAll(/^#{1,6} (.+)$/gm)) {
    const slug = heading!
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replace(/\s/g, "-");
    for (let count = 0; ; count += 1) {
      const anchor = count === 0 ? slug : `${slug}-${count}`;
      if (anchors.has(anchor)) continue;
      anchors.add(anchor);
      break;
    }
  }
  return anchors;
}

/** The public entry points: the name one imports, and the source file behind it. */
export function entryPoints(): { readonly name: string; readonly source: string }[] {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    exports: Record<string, { default: string } | string>;
  };
  return Object.entries(exports).flatMap(([path, target]) => {
    if (typeof target === "string") return [];
    const source = target.default.replace("./dist/", "src/").replace(/\.js$/, ".ts");
    if (!existsSync(join(root, source))) throw new Error(`${path} of package.json has no source ${source}`);
    return [{ name: `sluice${path.slice(1)}`, source }];
  });
}

export interface ExportedName {
  readonly name: string;
  readonly type: boolean;
  /** What one imports it from. */
  readonly entry: string;
  /** The file that declares it, relative to the repository. */
  readonly source: string;
}

/** Every name of every entry point. Entries only re-export by name; anything else in one is an error. */
export function exportedNames(): ExportedName[] {
  return entryPoints().flatMap(({ name: entry, source }) => {
    const text = readFileSync(join(root, source), "utf8");
    const statements = [...text.matchAll(/^export (type )?\{([^}]*)\} from "([^"]+)";/gm)];
    const rest = statements.reduce((left, [whole]) => left.replace(whole, ""), text).replace(/\/\/.*$/gm, "");
    if (rest.trim() !== "") throw new Error(`${source} has more than re-exports by name: ${rest.trim().slice(0, 80)}`);
    return statements.flatMap(([, types, names, from]) =>
      names!
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== "")
        .map((part) => ({
          name: part.replace(/^type /, ""),
          type: types !== undefined || part.startsWith("type "),
          entry,
          source: join(source, "..", from!),
        })),
    );
  });
}
