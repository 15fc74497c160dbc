import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isTimestamp, timestampSql } from "../../../src/quality/timestamp.ts";
import { type Bench, openBench } from "./judging.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

async function instants(texts: readonly string[], zone = "Europe/London"): Promise<unknown[]> {
  const list = texts.map((text) => `'${text.replaceAll("'", "''")}'`).join(", ");
  const rows = await bench.session.rows(`SELECT ${timestampSql("x", zone)} AS t FROM (SELECT unnest([${list}]) AS x)`);
  return rows.map((row) => row["t"]);
}

const two = (limit: number) =>
  fc
    .oneof({ weight: 9, arbitrary: fc.integer({ min: 0, max: limit }) }, { weight: 1, arbitrary: fc.nat(99) })
    .map((n) => String(n).padStart(2, "0"));
const written = fc
  .tuple(
    fc.integer({ min: 0, max: 9999 }).map((n) => String(n).padStart(4, "0")),
    two(12),
    two(31),
    fc.constantFrom(" ", "T", "t", "  "),
    two(24),
    two(60),
    fc.oneof(
      fc.constant(""),
      two(60).map((s) => `:${s}`),
      fc.tuple(two(59), fc.nat(9_999_999)).map(([s, f]) => `:${s}.${f}`),
    ),
    fc.oneof(
      fc.constantFrom("", "", "Z", "z", "+", " UTC"),
      fc
        .tuple(fc.constantFrom("+", "-"), two(24), fc.constantFrom("", "30", ":30", ":60", ":"))
        .map((parts) => parts.join("")),
    ),
  )
  .map(
    ([year, month, day, t, hour, minute, second, zone]) =>
      `${year}-${month}-${day}${t}${hour}:${minute}${second}${zone}`,
  );

describe("a timestamp", () => {
  it("is valid in SQL exactly where it is valid in JS", async () => {
    let valid = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(written, { minLength: 150, maxLength: 200, size: "max" }), async (texts) => {
        const expected = texts.map((text) => (isTimestamp(text) ? text : null));
        valid += expected.filter((text) => text !== null).length;
        expect((await instants(texts)).map((instant, position) => (instant === null ? null : texts[position]))).toEqual(
          expected,
        );
      }),
      { numRuns: 20 },
    );
    expect(valid).toBeGreaterThan(100);
  });

  it("is read by the wall clock of its zone, or by its own offset", async () => {
    expect(
      await instants([
        "2010-12-01 08:26:00",
        "2011-06-01T08:26",
        "2010-12-01T08:26Z",
        "2010-12-01 08:26:00.123456+05:30",
        "2010-12-01 08:26-08",
      ]),
    ).toEqual([
      "2010-12-01 08:26:00+00",
      "2011-06-01 07:26:00+00",
      "2010-12-01 08:26:00+00",
      "2010-12-01 02:56:00.123456+00",
      "2010-12-01 16:26:00+00",
    ]);
  });

  it("takes the offset before the change for a time that never happens, and the second of two that happen", async () => {
    expect(await instants(["2011-03-27 01:30:00", "2011-10-30 01:30:00"])).toEqual([
      "2011-03-27 01:30:00+00",
      "2011-10-30 01:30:00+00",
    ]);
    expect(await instants(["2011-03-13 02:30:00", "2011-11-06 01:30:00"], "America/New_York")).toEqual([
      "2011-03-13 07:30:00+00",
      "2011-11-06 06:30:00+00",
    ]);
  });
});
