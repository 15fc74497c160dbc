// The twenty expectations by Sluice, as a step judges a dataset: node run.ts FILE. Prints {"cpuSeconds", "unexpected",
// "success", "scans"}; the CPU time is that of reading and judging, without the start of Node and its imports.
import { dirname } from "node:path";
import type { Dataset } from "../../../src/dataset/dataset.ts";
import { openSession } from "../../../src/dataset/session.ts";
import { evaluate } from "../../../src/quality/expectations/evaluate.ts";
import {
  between,
  distinctCount,
  lengths,
  matches,
  maximum,
  mean,
  minimum,
  notNull,
  oneOf,
  rowCount,
  standardDeviation,
  sum,
  unique,
} from "../../../src/quality/index.ts";

const file = process.argv[2]!;
const expectations = [
  rowCount({ min: 1, max: 100_000_000 }),
  notNull("id"),
  notNull("user_id"),
  notNull("amount", { mostly: 0.98 }),
  notNull("created_at"),
  unique("id"),
  oneOf("country", ["DE", "TW", "US", "FR", "JP"], { mostly: 0.98 }),
  oneOf("status", ["paid", "open", "void"]),
  between("age", { min: 0, max: 150, mostly: 0.98 }),
  between("quantity", { min: 1, max: 100 }),
  between("amount", { min: 0 }),
  lengths("country", { equals: 2 }),
  matches("email", /^[a-z0-9.]+@[a-z0-9-]+\.[a-z]{2,}$/, { mostly: 0.98 }),
  matches("event", /^evt_[0-9]+$/),
  mean("age", { min: 18, max: 65 }),
  maximum("amount", { max: 1000 }),
  minimum("quantity", { min: 1 }),
  standardDeviation("amount", { min: 1, max: 1000 }),
  sum("quantity", { min: 1 }),
  distinctCount("country", { min: 1, max: 10 }),
];

const session = await openSession({ temporaryFolder: dirname(file) });
const source = `read_parquet('${file}')`;
const columns = await session.describe(`SELECT * FROM ${source}`);
const [{ n } = {}] = await session.rows(`SELECT count(*) AS n FROM ${source}`);
const dataset: Dataset = { kind: "dataset", files: [file], columns, rows: Number(n), bytes: 0, hash: "" };
const before = process.cpuUsage();
const report = await evaluate({ session, dataset, expectations, asOf: Date.now() });
const { user, system } = process.cpuUsage(before);
console.log(
  JSON.stringify({
    cpuSeconds: (user + system) / 1e6,
    // Of the kinds of rules of which all contestants tell it.
    unexpected: report.results
      .filter(({ expectation }) => ["oneOf", "between", "matches"].includes(expectation))
      .reduce((all, { unexpected }) => all + (unexpected?.count ?? 0), 0),
    success: report.results.every(({ success }) => success),
    scans: report.scans,
  }),
);
session.close();
