// Prints the one line that sums up a test report: `N passed, N failed, N skipped`. In CI a skipped test is a failure:
// there every server and every data set must be at hand.
import { readFileSync } from "node:fs";

interface Report {
  readonly numTotalTests: number;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numFailedTestSuites: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

const path = process.argv[2] ?? "test-report.json";
let report: Report;
try {
  report = JSON.parse(readFileSync(path, "utf8")) as Report;
} catch {
  console.log("the tests wrote no report");
  console.log("0 passed, 1 failed, 0 skipped");
  process.exit(1);
}
const cases = report.testResults.flatMap((file) => file.assertionResults);
const skipped = cases.filter((test) => test.status !== "passed" && test.status !== "failed");
// A file that could not even be loaded has no cases, and counts as one failure.
const unloaded = report.testResults.filter(
  (file) => file.status === "failed" && file.assertionResults.every((test) => test.status !== "failed"),
);
const failed = report.numFailedTests + unloaded.length;
for (const test of skipped) console.log(`skipped: ${test.fullName}`);
console.log(`${report.numPassedTests} passed, ${failed} failed, ${skipped.length} skipped`);
process.exit(
  failed > 0 || report.numPassedTests === 0 || (process.env["CI"] !== undefined && skipped.length > 0) ? 1 : 0,
);
