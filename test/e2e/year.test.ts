// The 245 days of real sales, held to the counts that an independent query over the same files gives, day by day.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { retailExample, sharedRetail, sluiceJson, temporaryFolder, totals, type BackfillJson } from "./command.ts";
import { countByHand } from "../../scripts/suites/retail-counts.ts";

describe.skipIf(!existsSync(sharedRetail))("the year of real sales (needs ../shared/data/retail)", () => {
  const home = temporaryFolder("year");
  const options = { cwd: retailExample, env: { SLUICE_HOME: home, RETAIL_DIR: sharedRetail } };
  let backfill: BackfillJson;

  beforeAll(async () => {
    backfill = await sluiceJson(["backfill", "retail_daily", "--from", "2010-12-01", "--to", "2011-09-30"], options);
  }, 120_000);

  afterAll(() => rmSync(home, { recursive: true, force: true }));

  it("adds up to 370,931 = 366,129 valid + 2,848 duplicate + 1,954 quarantined", () => {
    expect(totals(backfill.runs)).toEqual({ in: 370_931, out: 366_129, duplicate: 2_848, quarantined: 1_954 });
  });

  it("gives 3,108 = 3,054 + 44 + 10 for 2010-12-01", () => {
    const day = backfill.runs.filter((run) => run.run.partition === "2010-12-01");
    expect(totals(day)).toEqual({ in: 3_108, out: 3_054, duplicate: 44, quarantined: 10 });
  });

  it("agrees with an independent query on every day, and takes a day without a file as empty", async () => {
    const expected = await countByHand(sharedRetail);
    expect(expected.size).toBe(readdirSync(sharedRetail).length);
    expect(backfill.runs).toHaveLength(304);
    for (const run of backfill.runs) {
      const empty = { in: 0, out: 0, duplicate: 0, quarantined: 0 };
      expect({ day: run.run.partition, ...totals([run]) }).toEqual({
        day: run.run.partition,
        ...(expected.get(run.run.partition!) ?? empty),
      });
    }
  });

  it("has loaded every valid row, and running a day twice changes nothing", async () => {
    const count = () =>
      sluiceJson<object[]>(["query", "select count(*) n, sum(quantity) quantity from warehouse.sales"], options);
    const before = await count();
    expect(before).toMatchObject([{ n: 366_129 }]);
    await sluiceJson(["run", "retail_daily", "--partition", "2011-01-04"], options);
    expect(await count()).toEqual(before);
  });
});
