// The repository is the same on every machine: no file names a folder of the one it was written on, or a place that
// packages were fetched from, and none holds a reminder that something is left to do.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../e2e/command.ts";

const listed = spawnSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], {
  cwd: root,
  encoding: "utf8",
});
const inGit = listed.status === 0;
// The lock file says where each package is had, which is its job.
const files = inGit
  ? listed.stdout
      .split("\0")
      .filter((path) => path !== "" && path !== "package-lock.json" && existsSync(join(root, path)))
  : [];

/** Written so that this file does not break its own rules. */
const rules: Readonly<Record<string, RegExp>> = {
  "a folder of one machine": /(?<![\w.}-])\/(?:work|root|tmp\/exp|home\/\w+|Users\/\w+)\//,
  "a host that packages come from": /\bregistry\.[a-z]|\b(?:npmjs|pypi|pythonhosted|goproxy|verdaccio|artifactory)\b/,
  "a reminder": /\b(?:TO[D]O|FIX[M]E|X[X]X)\b/,
};

function faults(path: string, text: string): string[] {
  return Object.entries(rules).flatMap(([rule, pattern]) =>
    text
      .split("\n")
      .flatMap((line, at) =>
        pattern.test(line) && !isAllowed(path, line)
          ? [`${path}:${at + 1}: ${rule}: ${line.trim().slice(0, 120)}`]
          : [],
      ),
  );
}

/** The metrics' registry is no host, and this file has to name what it looks for. */
function isAllowed(path: string, line: string): boolean {
  return (
    path === "test/docs/repository.test.ts" ||
    /\bregistry\.metrics\(|\bregistry\.contentType\b|\bregistry\.registerMetric\b/.test(line)
  );
}

describe.skipIf(!inGit)("every file of the repository (needs git, and a clone)", () => {
  it("could have been written on any machine, and has nothing left to do in it", () => {
    expect(files.length).toBeGreaterThan(200);
    expect(files.flatMap((path) => faults(path, readFileSync(join(root, path), "utf8")))).toEqual([]);
  });

  it("is held to rules that find what they are for", () => {
    // With marks in them, so that no other search of the repository takes them for what they show.
    const lines = ["cd /wo~rk/main", '"/ro~ot/notes"', "from regi~stry.npm~js.org", "// TO~DO: later"].map((line) =>
      line.replaceAll("~", ""),
    );
    for (const line of lines) expect(faults("some.ts", line), line).toHaveLength(1);
    expect(faults("some.ts", "https://example.com/work/on/it")).toEqual([]);
  });
});
