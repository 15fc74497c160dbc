// npm run suite -- NAME PATH [--json]: replays a suite of cases from outside the project, and prints
// {passed, failed, skipped, cases: [{file, title, outcome, reason}]}. Skipped means that a case doesn't apply.
import type { Suite } from "./suites/suite.ts";

const suites: Readonly<Record<string, () => Promise<{ readonly suite: Suite }>>> = {
  "json-schema-2020-12": () => import("./suites/json-schema.ts"),
  commonmark: () => import("./suites/commonmark.ts"),
  "gx-expectations": () => import("./suites/gx-expectations.ts"),
  "drift-oracle": () => import("./suites/drift-oracle.ts"),
  retail: () => import("./suites/retail.ts"),
};

const args = process.argv.slice(2);
const [name, path] = args.filter((arg) => !arg.startsWith("--"));
if (name === undefined || path === undefined || !(name in suites)) {
  console.error(`usage: npm run suite -- NAME PATH [--json]\nsuites: ${Object.keys(suites).join(", ")}`);
  process.exit(2);
}
const { suite } = await suites[name]!();
const cases = await suite(path);
const count = (outcome: string): number => cases.filter((item) => item.outcome === outcome).length;
const report = { passed: count("passed"), failed: count("failed"), skipped: count("skipped"), cases };
if (args.includes("--json")) {
  console.log(JSON.stringify(report, null, 2));
} else {
  for (const item of cases.filter((other) => other.outcome !== "passed"))
    console.log(`${item.outcome}: ${item.file}: ${item.title}: ${item.reason}`);
  console.log(`${report.passed} passed, ${report.failed} failed, ${report.skipped} skipped`);
}
process.exit(report.failed === 0 && report.passed > 0 ? 0 : 1);
