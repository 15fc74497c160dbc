import { describe, expect, it } from "vitest";
import { summarize, type DemoOutputs, type RunOutput } from "../../../examples/retail/demo-summary.ts";

function run(
  partition: string,
  rows: { in: number; out: number; duplicate: number; quarantined: number },
  status = "succeeded",
): RunOutput {
  return {
    run: { partition, status },
    steps: [
      { name: "clean", kind: "validate", rows },
      { name: "sales", kind: "load", rows: { in: rows.out, out: rows.out, duplicate: 0, quarantined: 0 } },
      { name: "enough", kind: "gate", rows: null },
    ],
  };
}

const outputs: DemoOutputs = {
  from: "2010-12-01",
  to: "2010-12-02",
  backfill: {
    runs: [
      run("2010-12-01", { in: 3_108, out: 3_054, duplicate: 44, quarantined: 10 }),
      run("2010-12-02", { in: 10, out: 8, duplicate: 1, quarantined: 1 }),
    ],
  },
  quarantine: [
    {
      pipeline: "retail_daily",
      partition: "2010-12-01",
      rows: 10,
      reasons: [{ path: "unit_price", rule: "positive", count: 10 }],
    },
    {
      pipeline: "retail_daily",
      partition: "2010-12-02",
      rows: 1,
      reasons: [
        { path: "unit_price", rule: "positive", count: 1 },
        { path: null, rule: "cancellations_are_negative", count: 1 },
      ],
    },
    {
      pipeline: "retail_daily",
      partition: "2011-06-01",
      rows: 500,
      reasons: [{ path: "quantity", rule: "int", count: 500 }],
    },
  ],
  features: {
    view: "customer_activity",
    key: "17850",
    asOf: "2010-12-03T00:00:00Z",
    features: { orders: 34, revenue: 5391.21, by_country: { uk: 1, europe: null } },
  },
  question: "how do I backfill?",
  hits: [
    { document: "docs/guide.md", heading: "Backfill a range", text: "Give the first\nand the last day.", line: 12 },
  ],
  folder: "examples/retail",
  state: "/somewhere/.sluice",
};

describe("the demo's summary", () => {
  it("adds the days up and says how many rows went where", () => {
    const text = summarize(outputs);
    expect(text).toMatch(/rows in +3,118\n/);
    expect(text).toMatch(/dropped +45\n/);
    expect(text).toMatch(/quarantined +11\n/);
    expect(text).toMatch(/loaded into warehouse\.sales +3,062\n/);
  });

  it("counts the reasons of its own days only, the most frequent first", () => {
    const text = summarize(outputs);
    expect(text).toMatch(/unit_price: positive +11\n +cancellations_are_negative +1\n/);
    expect(text).not.toContain("quantity: int");
  });

  it("shows the customer's features, an answer with its source, and where the state lies", () => {
    const text = summarize(outputs);
    expect(text).toContain("customer 17850, as of 2010-12-03T00:00:00Z");
    expect(text).toMatch(/revenue +5,391\.21\n/);
    expect(text).toContain("uk 1, europe -");
    expect(text).toContain('(docs/guide.md:12, under "Backfill a range")');
    expect(text).toContain("Give the first and the last day.");
    expect(text).toContain("State: /somewhere/.sluice");
    expect(text).toContain("cd examples/retail");
  });

  it("refuses rows that do not add up, days that failed and a search without an answer", () => {
    const [first, second] = outputs.backfill.runs as [RunOutput, RunOutput];
    const lost = run("2010-12-02", { in: 10, out: 8, duplicate: 1, quarantined: 0 });
    expect(() => summarize({ ...outputs, backfill: { runs: [first, lost] } })).toThrow("do not add up");
    const failed = { ...second, run: { ...second.run, status: "failed" } };
    expect(() => summarize({ ...outputs, backfill: { runs: [first, failed] } })).toThrow("1 of 2 days did not succeed");
    expect(() => summarize({ ...outputs, hits: [] })).toThrow("found nothing");
  });
});
