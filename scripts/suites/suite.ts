// What a suite is: cases from a path, each with its outcome.

export interface SuiteCase {
  readonly file: string;
  readonly title: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** Why it failed or doesn't apply; empty when it passed. */
  readonly reason: string;
}

export type Suite = (path: string) => Promise<readonly SuiteCase[]>;
