import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { daysBefore, instantOf, openDay } from "../../../src/features/day.ts";

describe("the open day", () => {
  it.each([
    ["2011-01-05T00:00:00Z", "UTC", "2011-01-05"],
    ["2011-01-04T23:59:59.999Z", "UTC", "2011-01-04"],
    ["2011-07-04T22:59:59Z", "Europe/London", "2011-07-04"],
    ["2011-07-04T23:00:00Z", "Europe/London", "2011-07-05"],
    ["2011-01-05T00:00:00Z", "America/New_York", "2011-01-04"],
    ["2011-01-04T16:00:00Z", "Asia/Taipei", "2011-01-05"],
    // Midnight did not exist: the day began at 01:00.
    ["2018-11-04T02:59:59Z", "America/Sao_Paulo", "2018-11-03"],
    ["2018-11-04T03:00:00Z", "America/Sao_Paulo", "2018-11-04"],
  ])("at %s in %s is %s", (instant, timeZone, day) => {
    expect(openDay(instantOf(instant), timeZone)).toBe(day);
  });

  it("is the day that comes back where clocks go back across midnight", () => {
    // St. John's, 2010-11-07: at 00:01 it became 23:01 of the day before.
    expect(openDay(instantOf("2010-11-07T02:29:59Z"), "America/St_Johns")).toBe("2010-11-06");
    expect(openDay(instantOf("2010-11-07T02:30:30Z"), "America/St_Johns")).toBe("2010-11-06");
    expect(openDay(instantOf("2010-11-07T03:29:59Z"), "America/St_Johns")).toBe("2010-11-06");
    expect(openDay(instantOf("2010-11-07T03:30:00Z"), "America/St_Johns")).toBe("2010-11-07");
  });

  it("never goes back as time goes on", () => {
    const zone = fc.constantFrom("America/St_Johns", "Europe/London", "America/Sao_Paulo", "Asia/Kathmandu", "UTC");
    fc.assert(
      fc.property(
        zone,
        fc.integer({ min: 1_200_000_000, max: 1_400_000_000 }),
        fc.nat(7_200),
        (timeZone, second, later) => {
          expect(openDay(second * 1000, timeZone) <= openDay((second + later) * 1000, timeZone)).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("days before", () => {
  it("are counted on the calendar", () => {
    expect(daysBefore("2012-03-01", 1)).toBe("2012-02-29");
    expect(daysBefore("2011-01-07", 7)).toBe("2010-12-31");
  });
});
