// The reference of expectations: what each says, from its own comment, and what other tools call it.
import { readdirSync, readFileSync } from "node:fs";
import { expectationNames } from "./expectation-names.ts";

const rules = new URL("../../src/quality/expectations/", import.meta.url);

/** The first sentence of the comment of every function that makes an expectation, by name. */
export function sentences(): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(rules).filter((file) => file.endsWith("-rules.ts"))) {
    const text = readFileSync(new URL(name, rules), "utf8");
    for (const match of text.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport (?:function|const) (\w+)/g)) {
      const plain = match[1]!
        .split("```")[0]!
        .replace(/^\s*\* ?/gm, "")
        .replace(/\s+/g, " ")
        .trim();
      found.set(match[2]!, /^.*?[.](?= [A-Z]|$)/.exec(plain)?.[0] ?? plain);
    }
  }
  return found;
}

export function expectationsPage(generated: string): string {
  const said = sentences();
  const list = (names: readonly string[] | undefined): string =>
    (names ?? []).map((name) => `\`${name}\``).join("<br>");
  return [
    "# Expectations",
    generated,
    "All are in `sluice/quality`. [Expectations](../guides/expectations.md) is the guide.",
    [
      "| expectation | says |",
      "|---|---|",
      ...expectationNames.map(({ ours }) => `| \`${ours}\` | ${(said.get(ours) ?? "").replaceAll("|", "\\|")} |`),
    ].join("\n"),
    "## What other tools call them",
    "By meaning; where a name stands more than once, its options make the difference. dbt's are those of dbt-expectations without the\n`expect_` in front, and dbt's own. A blank says that the tool has nothing of the kind, as far as we know.",
    [
      "| Sluice | Great Expectations | dbt | Pandera | Deequ | TFDV finds |",
      "|---|---|---|---|---|---|",
      ...expectationNames.map(
        ({ ours, gx, dbt, pandera, deequ, tfdv }) =>
          `| \`${ours}\` | ${[gx, dbt, pandera, deequ, tfdv].map(list).join(" | ")} |`,
      ),
    ].join("\n"),
  ].join("\n\n");
}
