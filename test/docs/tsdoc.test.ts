// Every name that the package exports says what it is, where it is declared.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../e2e/command.ts";
import { exportedNames } from "./pages.ts";

/** The comment in front of the first declaration of `name`; null where there is none, undefined without declaration. */
function commentOf(text: string, name: string): string | null | undefined {
  const declaration = new RegExp(`^export (?:async )?(?:function|const|class|interface|type) ${name}\\b`, "m").exec(
    text,
  );
  if (declaration === null) return undefined;
  return /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*$/.exec(text.slice(0, declaration.index))?.[1] ?? null;
}

describe("the package's names", () => {
  const names = exportedNames();

  it("each carry a comment of a sentence at least", () => {
    expect(names.length).toBeGreaterThan(80);
    const bare = names.flatMap(({ name, entry, source }) => {
      const comment = commentOf(readFileSync(join(root, source), "utf8"), name);
      if (comment === undefined) return [`${entry}: ${name} is not declared in ${source}`];
      return comment === null || !/[A-Za-z][^]{10,}[.:?)]/.test(comment)
        ? [`${entry}: ${name} (${source}) has no comment`]
        : [];
    });
    expect(bare).toEqual([]);
  });

  it("would be missed without one", () => {
    expect(commentOf("/** Of another. */\nexport const a = 1;\n\nexport const b = 2;\n", "b")).toBeNull();
    expect(commentOf("/** What it is. */\nexport const a = 1;\n", "a")).toContain("What it is.");
  });
});
