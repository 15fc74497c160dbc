// Excel workbooks as a source: cells as the text of their values, sheets by name or position.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { excelSource } from "../../../src/adapters/excel/source.ts";
import { excel } from "../../../src/connect/excel.ts";
import { sql } from "../../../src/dataset/sql.ts";
import { testSource } from "../../conformance/source.ts";
import { fileHarness, type FileHarness } from "./file-harness.ts";
import { workbook } from "./workbook.ts";

let files: FileHarness;
beforeAll(async () => {
  files = await fileHarness();
});
afterAll(() => files.dispose());

testSource({
  name: "excel",
  hasEmptyText: false,
  create: async () => {
    const own = await fileHarness();
    return {
      adapter: excelSource,
      context: own.context,
      artifactFolder: own.artifactFolder,
      holding: async (rows) => {
        own.put(
          "rows.xlsx",
          workbook({ Rows: [["id", "label"], ...rows.map(({ id, label }) => [{ number: id }, label])] }),
        );
        return excel("rows.xlsx");
      },
      missing: async () => excel("nowhere.xlsx"),
      dispose: own.dispose,
    };
  },
});

describe("excel", () => {
  it("numbers, dates, moments, truths and texts arrive as their own text; leading zeros and spaces stay", async () => {
    files.put(
      "a.xlsx",
      workbook({
        Data: [
          ["code", "n", "day", "at", "ok", "none"],
          [
            "007",
            { number: "0.30000000000000004" },
            { serial: 45000 },
            { serial: 45000.41666666667, time: true },
            { truth: true },
            null,
          ],
          [
            " x ",
            { number: "0.10000000000000001" },
            { serial: 1 },
            { serial: 45000.99998842592, time: true },
            { truth: false },
            { error: "#N/A" },
          ],
          ['a,"b"\nc', { number: "1E-3" }, { serial: 60.5, time: true }, { serial: 25569, time: true }, null, null],
          [null, null, null, null, null, null],
          ["1e5", { number: "9007199254740993" }, null, null, null, ""],
        ],
      }),
    );
    const { rows, dataset } = await files.read(excel("a.xlsx"), excelSource);
    expect(dataset.columns.every(({ type }) => type === "VARCHAR")).toBe(true);
    expect(rows).toEqual([
      { code: "007", n: "0.30000000000000004", day: "2023-03-15", at: "2023-03-15T10:00:00", ok: "true", none: null },
      { code: " x ", n: "0.1", day: "1899-12-31", at: "2023-03-15T23:59:59", ok: "false", none: null },
      { code: 'a,"b"\nc', n: "0.001", day: "1900-02-28T12:00:00", at: "1970-01-01", ok: null, none: null },
      { code: "1e5", n: "9007199254740993", day: null, at: null, ok: null, none: null },
    ]);
  });

  it("takes a sheet by name or position, a header further down, and columns by name or expression", async () => {
    const sheet = [["Prices of May"], [], ["Article", "", "List price"], ["a", "x", { number: "1.5" }]];
    files.put("b.xlsx", workbook({ First: [["z"], ["1"]], "Prices & more": sheet }));
    const columns = { sku: "Article", cents: sql`round("List price"::DECIMAL(9,2) * 100)::INTEGER` };
    const source = excel("b.xlsx", { sheet: "Prices & more", header: 3, columns });
    expect((await files.read(source, excelSource)).rows).toEqual([{ sku: "a", cents: "150" }]);
    expect((await files.read(excel("b.xlsx", { sheet: 2, header: 3 }), excelSource)).rows).toEqual([
      { Article: "a", column2: "x", "List price": "1.5" },
    ]);
    expect((await files.read(excel("b.xlsx"), excelSource)).rows).toEqual([{ z: "1" }]);
    expect(await files.failure(excel("b.xlsx", { sheet: "May" }), excelSource)).toMatchObject({
      code: "SOURCE_MISSING",
      message: 'b.xlsx has no sheet "May"',
      hint: "Available sheets: First, Prices & more",
    });
    expect(await files.failure(excel("b.xlsx", { header: 9 }), excelSource)).toMatchObject({
      code: "SOURCE_MALFORMED",
    });
  });

  it("a value beyond the named columns fails, or its row is set aside", async () => {
    files.put("c.xlsx", workbook({ S: [["a"], ["1"], ["2", null, "note"], ["3"]] }));
    expect((await files.failure(excel("c.xlsx"), excelSource)).message).toBe(
      "c.xlsx: row 3 has a value in column 3, which has no name",
    );
    const reading = await files.read(excel("c.xlsx", { onMalformed: "quarantine" }), excelSource);
    expect(reading.rows).toEqual([{ a: "1" }, { a: "3" }]);
    expect(reading.rejected).toMatchObject([
      {
        record: 2,
        row: { file: "c.xlsx", line: 3, text: '["2",null,"note"]' },
        reasons: [{ rule: "fields", value: "note" }],
      },
    ]);
  });

  it("refuses what is no workbook, or half of one", async () => {
    files.put("d.xlsx", "a,b\n1,2\n");
    files.put("e.xlsx", workbook({ S: [["a"], ["1"]] }).subarray(0, 700));
    for (const name of ["d.xlsx", "e.xlsx"])
      expect(await files.failure(excel(name), excelSource)).toMatchObject({ code: "SOURCE_MALFORMED" });
  });

  it("reads several workbooks as one", async () => {
    files.put(
      "f1.xlsx",
      workbook({
        S: [
          ["a", "b"],
          ["1", "2"],
        ],
      }),
    );
    files.put(
      "f2.xlsx",
      workbook({
        S: [
          ["b", "a"],
          ["4", "3"],
        ],
      }),
    );
    expect((await files.read(excel("f*.xlsx"), excelSource)).rows).toEqual([
      { a: "1", b: "2" },
      { a: "3", b: "4" },
    ]);
  });
});
