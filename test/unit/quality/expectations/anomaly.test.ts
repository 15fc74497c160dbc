// Usual and unusual values: how often the rule is wrong when nothing has changed, and how often it sees what has.
import { describe, expect, it } from "vitest";
import { judgeUsual, type Point } from "../../../../src/quality/expectations/anomaly.ts";
import { seeded } from "../../../../src/quality/expectations/probability.ts";

const day = 86_400_000;
const random = seeded(11);
const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const laplace = (): number => {
  const u = random() - 0.5;
  return (-Math.sign(u) * Math.log(1 - 2 * Math.abs(u))) / Math.SQRT2;
};
const series = (values: readonly number[]): Point[] => values.map((value, at) => ({ at: at * day, value }));

describe("a value against its history", () => {
  it.each([
    ["normal", normal, [8, 14, 30, 60], undefined],
    ["Laplace", laplace, [8, 14, 30, 60], undefined],
    ["normal by weekday", normal, [28, 60], "week" as const],
  ])("raises a false alarm in at most 2 % of cases when nothing has changed: %s", (_, noise, lengths, season) => {
    for (const n of lengths) {
      let alarms = 0;
      for (let trial = 0; trial < 2000; trial += 1) {
        const history = series(Array.from({ length: n }, () => 100 + 10 * noise()));
        const now = { at: n * day, value: 100 + 10 * noise() };
        const options = { tolerance: 0, ...(season === undefined ? {} : { season }) };
        if (judgeUsual(now, history, options).verdict === "unusual") alarms += 1;
      }
      expect([n, alarms / 2000 <= 0.02]).toEqual([n, true]);
    }
  });

  it("sees a change by ten standard deviations nearly always", () => {
    let seen = 0;
    for (let trial = 0; trial < 1000; trial += 1) {
      const history = series(Array.from({ length: 30 }, () => 100 + 5 * normal()));
      if (judgeUsual({ at: 30 * day, value: 50 }, history, {}).verdict === "unusual") seen += 1;
    }
    expect(seen).toBeGreaterThan(980);
  });

  it("takes a quiet weekend for usual, with a season, and a quiet Wednesday not", () => {
    const weeks = Array.from({ length: 35 }, (_, at) => {
      const weekday = new Date(at * day).getUTCDay();
      return weekday === 0 || weekday === 6 ? 100 + (at % 3) : 10_000 + 100 * (at % 5);
    });
    const history = series(weeks);
    // Day 35 is a Thursday like day 0; 37 is a Saturday.
    const week = { season: "week", scale: "ratio" } as const;
    expect(judgeUsual({ at: 37 * day, value: 101 }, history, week).verdict).toBe("usual");
    expect(judgeUsual({ at: 35 * day, value: 101 }, history, week)).toMatchObject({ verdict: "unusual", points: 35 });
  });

  it("forgives a small change of what never changed", () => {
    const steady = series(Array.from({ length: 20 }, () => 1000));
    expect(judgeUsual({ at: 20 * day, value: 1001 }, steady, {}).verdict).toBe("usual");
    expect(judgeUsual({ at: 20 * day, value: 1200 }, steady, {})).toMatchObject({
      verdict: "unusual",
      expected: 1000,
      range: [900, 1100],
    });
  });

  it("is not led astray by one odd value in the past", () => {
    const history = series([...Array.from({ length: 20 }, (_, at) => 100 + (at % 4)), 1e9]);
    expect(judgeUsual({ at: 21 * day, value: 500 }, history, {}).verdict).toBe("unusual");
  });

  it("doesn't judge without enough history, and looks one way where it is told to", () => {
    expect(judgeUsual({ at: 7 * day, value: 1 }, series([1, 2, 3]), {}).verdict).toBe("not enough history");
    const history = series(Array.from({ length: 20 }, (_, at) => 100 + (at % 4)));
    expect(judgeUsual({ at: 20 * day, value: 500 }, history, { direction: "fall" }).verdict).toBe("usual");
    expect(judgeUsual({ at: 20 * day, value: 5 }, history, { direction: "fall" }).verdict).toBe("unusual");
  });
});
