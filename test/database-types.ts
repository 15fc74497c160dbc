// Reads the tables of types in the guide to databases, for the tests that hold them against real servers.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./e2e/command.ts";

/** What the guide says each type of the database becomes. */
export function typesInGuide(database: string): { readonly from: string; readonly to: string }[] {
  const guide = readFileSync(join(root, "docs/guides/databases.md"), "utf8");
  const section = guide.split(`### ${database}\n`)[1]?.split(/^##/m)[0] ?? "";
  return [...section.matchAll(/^\| (`.+`) \| `([^`]+)` \|/gm)].flatMap(([, names, to]) =>
    [...names!.matchAll(/`([^`]+)`/g)].map(([, from]) => ({ from: from!, to: to! })),
  );
}
