import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatDuration, formatTable, oneLine, plural } from "../../../src/cli/table.ts";

describe("formatTable", () => {
  it("aligns columns, numbers to the right, and leaves no space at a line's end", () => {
    const text = formatTable(
      [{ title: "name" }, { title: "rows", align: "right" }, { title: "Own", verbatim: true }],
      [
        ["a", "1", ""],
        ["long name", "1,234", "é"],
      ],
    );
    expect(text).toBe("NAME        ROWS  Own\na              1\nlong name  1,234  é\n");
  });

  it("has one line per row, whatever is in the cells", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ unit: "binary" }), fc.string())), (rows) => {
        const text = formatTable([{ title: "a" }, { title: "b" }], rows);
        return text.split("\n").length === rows.length + 2 && !text.includes("\u001b");
      }),
    );
  });
});

describe("oneLine", () => {
  it("shows control characters instead of sending them", () => {
    expect(oneLine("a\nb\tc\u001b[2Jd\u0000")).toBe("a\\nb\\tc\\u001b[2Jd\\u0000");
  });
});

describe("formatDuration", () => {
  it.each([
    [0, "0 ms"],
    [999.4, "999 ms"],
    [1_000, "1.0 s"],
    [59_900, "59.9 s"],
    [61_000, "1 min 01 s"],
    [3_600_000, "60 min 00 s"],
  ])("says %d ms as %s", (time, text) => {
    expect(formatDuration(time)).toBe(text);
  });
});

describe("plural", () => {
  it("counts", () => {
    expect([plural(0, "row"), plural(1, "row"), plural(12345, "row")]).toEqual(["0 rows", "1 row", "12,345 rows"]);
  });
});
