// A link in a page leads somewhere: the file is there, and so is the heading.
import { existsSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../e2e/command.ts";
import { anchorsOf, pages, readPage, type Page } from "./pages.ts";

/** Targets of a page's links, and of code spans that name a file of the repository. */
function targets(page: Page): string[] {
  const links = [...page.prose.matchAll(/\[[^\]]*\]\(([^)\s]+)[^)]*\)/g)].map((match) => match[1]!);
  return links.filter((target) => !/^[a-z]+:/.test(target));
}

function broken(page: Page, target: string): string | null {
  const [path = "", anchor] = target.split("#");
  const file = path === "" ? page.path : relative(root, join(root, dirname(page.path), decodeURIComponent(path)));
  if (!existsSync(join(root, file))) return `${page.path}: there is no ${file} (${target})`;
  if (anchor === undefined) return null;
  if (statSync(join(root, file)).isDirectory()) return `${page.path}: a folder has no headings (${target})`;
  return anchorsOf(readPage(file)).has(anchor) ? null : `${page.path}: ${file} has no heading #${anchor}`;
}

/** Files that are named in code spans, such as `src/engine/state-machine/transition.ts`; patterns and placeholders are none. */
function namedFiles(page: Page): string[] {
  const spans = [...page.prose.matchAll(/`([\w.-]+(?:\/[\w.-]+)+)`/g)].map((match) => match[1]!);
  return spans.filter((path) => /^(?:src|test|docs|examples|bench|scripts|bin|templates)\//.test(path));
}

describe("links", () => {
  const all = pages();

  it("lead from every page to files and headings that are there", () => {
    expect(all.map((page) => page.path)).toEqual(
      expect.arrayContaining(["README.md", "CONTRIBUTING.md", "docs/concepts.md", "examples/retail/README.md"]),
    );
    expect(all.flatMap(targets).length).toBeGreaterThan(20);
    expect(
      all.flatMap((page) => targets(page).map((target) => broken(page, target))).filter((line) => line !== null),
    ).toEqual([]);
  });

  it("and every file that a page names is there, but for the adapter one is told how to write", () => {
    const missing = all.flatMap((page) =>
      namedFiles(page)
        .filter((path) => !existsSync(join(root, path)) && !path.includes("acme"))
        .map((path) => `${page.path}: there is no ${path}`),
    );
    expect(missing).toEqual([]);
  });

  it("would tell of a broken one", () => {
    const page: Page = { path: "docs/page.md", text: "", fences: [], prose: "" };
    expect(broken(page, "concepts.md")).toBeNull();
    expect(broken(page, "concepts.md#a-pipeline-is-a-description")).toBeNull();
    expect(broken(page, "concepts.md#nothing")).toMatch(/no heading #nothing/);
    expect(broken(page, "../nothing.md")).toMatch(/no nothing\.md/);
  });

  it("lead to every page of docs/ from some other page", () => {
    const reached = new Set(
      all.flatMap((page) => targets(page).map((target) => join(dirname(page.path), target.split("#")[0]!))),
    );
    const lost = all
      .map((page) => page.path)
      .filter((path) => path.startsWith("docs/") && !reached.has(path) && path !== "docs/decisions/README.md");
    expect(lost).toEqual([]);
  });
});
