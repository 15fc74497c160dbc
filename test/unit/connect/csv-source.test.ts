import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { requireSoundZstd } from "../../../src/adapters/files/content.ts";
import { createCsvSource, csvSource } from "../../../src/adapters/csv/source.ts";
import { systemClock } from "../../../src/clock.ts";
import { csv, type CsvOptions } from "../../../src/connect/csv.ts";
import { rejectNothing } from "../../../src/connect/rejected-rows.ts";
import type { SourceContext } from "../../../src/connect/source.ts";
import { openSession, type Row, type Session } from "../../../src/dataset/session.ts";
import { sql } from "../../../src/dataset/sql.ts";
import { readDataset } from "../../../src/dataset/write-dataset.ts";
import type { SluiceError } from "../../../src/errors.ts";
import { silentLog } from "../../../src/log.ts";
import { temporaryArtifacts } from "../../conformance/sink.ts";
import { testSource } from "../../conformance/source.ts";

let session: Session;
let artifacts: ReturnType<typeof temporaryArtifacts>;
let folder: string;

beforeAll(async () => {
  session = await openSession({ temporaryFolder: tmpdir() });
});
afterAll(() => session.close());
beforeEach(() => {
  artifacts = temporaryArtifacts();
  folder = mkdtempSync(join(tmpdir(), "sluice-csv-"));
  return async () => {
    await artifacts.dispose();
    await rm(folder, { recursive: true, force: true });
  };
});

const context = (): SourceContext => ({
  folder,
  home: folder,
  signal: new AbortController().signal,
  log: silentLog,
  clock: systemClock,
  reject: rejectNothing,
  artifacts,
  session: async () => session,
  resolve: String,
});

const put = (name: string, content: string | Buffer): void => writeFileSync(join(folder, name), content);
const read = async (pattern: string, options?: CsvOptions, adapter = csvSource): Promise<Row[]> => {
  const dataset = await adapter(csv(pattern, options), context());
  const rows = await session.rows(`SELECT * FROM ${readDataset(dataset)}`);
  expect(rows.length).toBe(dataset.rows);
  return rows;
};

/** Reads as it reads files too large to be held: in pieces, here tiny ones. */
const inPieces = createCsvSource({ whole: 0, chunk: 64 });

/** The error of reading; it is one line with a hint, and nothing was left behind. */
const failure = async (pattern: string, options?: CsvOptions): Promise<SluiceError> => {
  const error = await csvSource(csv(pattern, options), context()).then(
    () => undefined,
    (thrown: unknown) => thrown as SluiceError,
  );
  expect(error, "it should have failed").toBeDefined();
  expect(error!.message).not.toContain("\n");
  expect(error!.hint).toBeTruthy();
  expect(readdirSync(artifacts.folder)).toEqual([]);
  return error!;
};

testSource({
  name: "csv",
  create: async () => {
    const place = mkdtempSync(join(tmpdir(), "sluice-csv-"));
    const own = temporaryArtifacts();
    const field = (value: string | null): string => (value === null ? "" : `"${value.replaceAll('"', '""')}"`);
    return {
      adapter: csvSource,
      context: { ...context(), folder: place, artifacts: own },
      artifactFolder: own.folder,
      holding: async (rows) => {
        const text = ["id,label", ...rows.map((row) => `${row.id},${field(row.label)}`)].join("\n");
        writeFileSync(join(place, "rows.csv.gz"), gzipSync(text));
        return csv("rows.csv.gz");
      },
      missing: async () => csv("nowhere.csv"),
      dispose: async () => {
        await own.dispose();
        await rm(place, { recursive: true, force: true });
      },
    };
  },
});

describe("csv columns", () => {
  it("takes the named columns, in the order of `columns`, whatever the file's order is", async () => {
    put("a.csv", "b,extra,a\n2,x,1\n");
    const dataset = await csvSource(csv("a.csv", { columns: { first: "a", second: "b" } }), context());
    expect(dataset.columns).toEqual([
      { name: "first", type: "VARCHAR" },
      { name: "second", type: "VARCHAR" },
    ]);
    expect(await read("a.csv", { columns: { first: "a", second: "b" } })).toEqual([{ first: "1", second: "2" }]);
  });

  it("takes all columns under their own names without `columns`", async () => {
    put("a.csv", "InvoiceNo,Unit Price,\n1,2.50,x\n");
    expect(await read("a.csv")).toEqual([{ InvoiceNo: "1", "Unit Price": "2.50", column3: "x" }]);
  });

  it("takes an SQL expression over the file's columns, as text", async () => {
    put("a.csv", "CustomerID,Quantity\n17850.0,6\n,7\n");
    const columns = {
      customer_id: sql`regexp_replace("CustomerID", '\.0$', '')`,
      twice: sql`"Quantity"::INTEGER * ${2} -- why not`,
    };
    expect(await read("a.csv", { columns })).toEqual([
      { customer_id: "17850", twice: "12" },
      { customer_id: null, twice: "14" },
    ]);
  });

  it("an expression that changes the number of rows is refused", async () => {
    put("a.csv", "a\n1\n2\n");
    const error = await csvSource(csv("a.csv", { columns: { n: sql`count(*)` } }), context()).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: "SOURCE_MALFORMED", message: "a.csv holds 2 rows, but 1 came out" });
  });

  it("names a missing column and what the file has", async () => {
    put("a.csv", "InvoiceNo,Country\n1,Norway\n");
    const error = await failure("a.csv", { columns: { invoice_no: "InvoiceNo", price: "UnitPrice" } });
    expect(error).toMatchObject({
      code: "SOURCE_COLUMNS",
      message: 'a.csv has no column "UnitPrice"; it has "InvoiceNo", "Country"',
    });
  });

  it("says what a renamed column is probably called now", async () => {
    put("a.csv", "invoice_number,Qty,Country\n1,6,Norway\n");
    const error = await failure("a.csv", { columns: { invoice_no: "InvoiceNo" } });
    expect(error.code).toBe("SOURCE_COLUMNS");
    expect(error.message).toBe(
      'a.csv has no column "InvoiceNo" (probably renamed to "invoice_number"); it has "invoice_number", "Qty", "Country"',
    );
  });

  it("names a missing column that an expression reads", async () => {
    put("a.csv", "customer_id\n1\n");
    const error = await failure("a.csv", { columns: { c: sql`trim("CustomerID")` } });
    expect(error).toMatchObject({
      code: "SOURCE_COLUMNS",
      details: { missing: "CustomerID", probableRename: "customer_id" },
    });
  });

  it("a column that the file has twice is refused", async () => {
    put("a.csv", "a,A\n1,2\n");
    expect(await failure("a.csv")).toMatchObject({ code: "SOURCE_COLUMNS" });
  });

  it('extraColumns: "fail" refuses a column that nothing names', async () => {
    put("a.csv", "a,b\n1,2\n");
    expect(await failure("a.csv", { columns: { a: "a" }, extraColumns: "fail" })).toMatchObject({
      code: "SOURCE_COLUMNS",
    });
    expect(await read("a.csv", { columns: { a: "a", c: sql`upper("b")` }, extraColumns: "fail" })).toEqual([
      { a: "1", c: "2" },
    ]);
  });

  it("refuses definitions that can't work when they are written", () => {
    expect(() => csv("a.csv", { whenMissing: "empty" })).toThrow(/no columns/);
    expect(() => csv("a.csv", { delimiter: "::" })).toThrow(/delimiter/);
    expect(() => csv("a.csv", { columns: {} })).toThrow(/empty list/);
    expect(() => csv("a.csv", { encoding: "ebcdic" })).toThrow(/encoding "ebcdic"/);
  });
});

describe("csv format", () => {
  it("an empty field is null, quoted nothing is the empty string", async () => {
    put("a.csv", 'a,b\n,""\n"",\n');
    expect(await read("a.csv")).toEqual([
      { a: null, b: "" },
      { a: "", b: null },
    ]);
  });

  it.each([
    ["CRLF", "a,b\r\n1,2\r\n3,4\r\n"],
    ["LF and CRLF mixed", "a,b\n1,2\r\n3,4\n"],
    ["CRLF and LF mixed, quoted line ends kept", "a,b\r\n1,2\n3,4\r\n"],
    ["CR only", "a,b\r1,2\r3,4\r"],
    ["no line end at the end", "a,b\n1,2\n3,4"],
    ["a byte order mark", "\ufeffa,b\n1,2\n3,4\n"],
    ["a byte order mark before a quoted name", '\ufeff"a",b\n1,2\n3,4\n'],
    ["lines with nothing on them", "a,b\n1,2\n\n3,4\n\n\n"],
    ["everything quoted", '"a","b"\n"1","2"\n"3","4"\n'],
  ])("reads a file with %s", async (_what, text) => {
    put("a.csv", text);
    expect(await read("a.csv")).toEqual([
      { a: "1", b: "2" },
      { a: "3", b: "4" },
    ]);
  });

  it.each([
    ["LF", "\n", "\n"],
    ["CRLF", "\r\n", "\r\n"],
    ["CRLF and LF", "\r\n", "\n"],
  ])(
    "line ends inside quotes are part of the value, in names too, where lines end with %s",
    async (_what, first, second) => {
      put("a.csv", `"a\nx",b${first}"1\r\n2",3${second}"4\n5",6${second}`);
      expect(await read("a.csv")).toEqual([
        { "a\nx": "1\r\n2", b: "3" },
        { "a\nx": "4\n5", b: "6" },
      ]);
      put("b.csv", `a,b${first}"1\n2",3${second}"4\r5",6${second}`);
      expect(await read("b.csv")).toEqual([
        { a: "1\n2", b: "3" },
        { a: "4\r5", b: "6" },
      ]);
    },
  );

  it("in a file of one column a line with nothing on it is a null", async () => {
    put("a.csv", 'a\n1\n\n""\n');
    expect(await read("a.csv")).toEqual([{ a: "1" }, { a: null }, { a: "" }]);
  });

  it("reads another delimiter", async () => {
    put("a.csv", "a;b\n1,5;2\n");
    expect(await read("a.csv", { delimiter: ";" })).toEqual([{ a: "1,5", b: "2" }]);
  });

  it("reads gzip, zstd, and gzip in several members", async () => {
    put("a.csv.gz", gzipSync("a\n1\n"));
    put("b.csv.zst", zstdCompressSync("a\n1\n"));
    put("c.csv.gz", Buffer.concat([gzipSync("a\n1\n"), gzipSync("2\n")]));
    expect(await read("a.csv.gz")).toEqual([{ a: "1" }]);
    expect(await read("b.csv.zst")).toEqual([{ a: "1" }]);
    expect(await read("c.csv.gz")).toEqual([{ a: "1" }, { a: "2" }]);
  });

  it("reads a line of 10 MB", async () => {
    put("a.csv.gz", gzipSync(`a,b\n1,${"z".repeat(10_000_000)}\n2,x\n`));
    expect(await read("a.csv.gz", { columns: { a: "a", n: sql`length("b")` } })).toEqual([
      { a: "1", n: "10000000" },
      { a: "2", n: "1" },
    ]);
  });

  it("a header and nothing else is no rows", async () => {
    put("a.csv", "a,b\n");
    const dataset = await csvSource(csv("a.csv"), context());
    expect(dataset).toMatchObject({
      rows: 0,
      files: [],
      columns: [
        { name: "a", type: "VARCHAR" },
        { name: "b", type: "VARCHAR" },
      ],
    });
  });
});

describe("csv damage", () => {
  const text = `a,b\n${Array.from({ length: 400 }, (_, index) => `${index},value ${index * 7919}\n`).join("")}`;

  it("a truncated gzip is refused wherever it was cut", async () => {
    const whole = gzipSync(text);
    for (const cut of [1, 4, 8, 9, 12, 100, whole.length - 20]) {
      put("a.csv.gz", whole.subarray(0, whole.length - cut));
      expect(await failure("a.csv.gz")).toMatchObject({
        code: "SOURCE_MALFORMED",
        message: expect.stringMatching(/^a\.csv\.gz is cut off/) as unknown,
      });
    }
  });

  it("a large file that was truncated, or isn't UTF-8, is refused too", async () => {
    const whole = gzipSync(text);
    const error = async (name: string): Promise<unknown> =>
      inPieces(csv(name), context()).catch((thrown: unknown) => thrown);
    put("a.csv.gz", whole.subarray(0, whole.length - 9));
    expect(await error("a.csv.gz")).toMatchObject({
      code: "SOURCE_MALFORMED",
      message: "a.csv.gz is cut off: its gzip data ends too early",
    });
    put("b.csv", Buffer.concat([Buffer.from(text), Buffer.from([0x31, 0x2c, 0xc3])]));
    expect(await error("b.csv")).toMatchObject({
      code: "SOURCE_MALFORMED",
      message: "b.csv: line 402 is not valid UTF-8",
    });
    expect(readdirSync(artifacts.folder)).toEqual([]);
  });

  it("a damaged gzip is refused, also where only its checksum tells", async () => {
    for (const at of [40, -6]) {
      const broken = gzipSync(text);
      broken[at < 0 ? broken.length + at : at]! ^= 0x10;
      put("a.csv.gz", broken);
      expect(await failure("a.csv.gz")).toMatchObject({ code: "SOURCE_MALFORMED" });
    }
  });

  it("a truncated zstd is refused", async () => {
    const whole = zstdCompressSync(text);
    for (const cut of [1, 5, 100]) {
      put("a.csv.zst", whole.subarray(0, whole.length - cut));
      expect(await failure("a.csv.zst")).toMatchObject({
        code: "SOURCE_MALFORMED",
        message: expect.stringMatching(/cut off/) as unknown,
      });
    }
  });

  it("zstd is refused where the runtime would not notice that a file is cut off", () => {
    expect(() => requireSoundZstd("a.csv.zst", () => Buffer.from("a probe"))).toThrow(
      expect.objectContaining({ code: "DEPENDENCY_MISSING", message: expect.stringContaining("a.csv.zst") as unknown }),
    );
    expect(() => requireSoundZstd("a.csv.zst")).not.toThrow();
  });

  it("a plain file named .gz is refused", async () => {
    put("a.csv.gz", "a,b\n1,2\n");
    expect(await failure("a.csv.gz")).toMatchObject({
      code: "SOURCE_MALFORMED",
      message: "a.csv.gz is not a gzip file, though its name says so",
    });
  });

  it("invalid UTF-8 is refused with its line, also in a column that isn't taken", async () => {
    put("a.csv", Buffer.concat([Buffer.from("a,b\n1,2\n3,"), Buffer.from([0xe9]), Buffer.from("t\n")]));
    expect(await failure("a.csv", { columns: { a: "a" } })).toMatchObject({
      code: "SOURCE_MALFORMED",
      message: "a.csv: line 3 is not valid UTF-8",
    });
    put("b.csv", Buffer.from("a,b\n1,2\n", "utf16le"));
    expect(await failure("b.csv")).toMatchObject({ code: expect.stringMatching(/^SOURCE_/) as unknown });
  });

  it.each([
    ["too few fields", "a,b\n1,2\n3\n", "a.csv: line 3 has 1 field, the header has 2"],
    ["too many fields", "a,b\n1,2\n3,4,5\n", "a.csv: line 3 has 3 fields, the header has 2"],
    ["one delimiter too many", "a,b\n1,2,\n", "a.csv: line 2 has 3 fields, the header has 2"],
    ["too many fields after lines in quotes", 'a,b\n1,"x\ny"\n3,4,5\n', "a.csv: line 4 has 3 fields, the header has 2"],
    ["a quote that is never closed", 'a,b\n1,2\n3,"4\n5,6\n', "a.csv: the quote opened on line 3 is never closed"],
    ["text after a closing quote", 'a,b\n1,"2"x\n', "a.csv: line 2 has text after a closing quote"],
    ["a bare carriage return", "a\n1\rx\n2\n", "a.csv: line 2 has a bare carriage return outside quotes"],
    ["nothing in its first line", "\na,b\n1,2\n", "a.csv: the first line has no column names"],
    ["nothing in it at all", "", "a.csv is empty: it has no header line"],
  ])("a file with %s is refused", async (_what, content, message) => {
    put("a.csv", content);
    expect(await failure("a.csv")).toMatchObject({ code: "SOURCE_MALFORMED", message });
  });

  it("a gzip with nothing in it is refused", async () => {
    put("a.csv.gz", gzipSync(""));
    expect(await failure("a.csv.gz")).toMatchObject({
      code: "SOURCE_MALFORMED",
      message: "a.csv.gz is empty: it has no header line",
    });
  });

  it("a folder is refused", async () => {
    mkdirSync(join(folder, "days"));
    expect(await failure("days")).toMatchObject({ code: "SOURCE_MALFORMED", message: "days is a folder, not a file" });
  });

  it("an expression that fails on a value says so and leaves nothing behind", async () => {
    put("a.csv", "a\nx\n");
    expect(await failure("a.csv", { columns: { a: sql`"a"::INTEGER` } })).toMatchObject({ code: "QUERY_FAILED" });
  });
});

describe("csv files", () => {
  it("a missing file fails, or is no rows where that is said", async () => {
    expect(await failure("none.csv")).toMatchObject({
      code: "SOURCE_MISSING",
      message: `${join(folder, "none.csv")} does not exist`,
    });
    expect(await failure("none/*.csv")).toMatchObject({ code: "SOURCE_MISSING" });
    for (const pattern of ["none.csv", "none/*.csv"]) {
      const dataset = await csvSource(
        csv(pattern, { columns: { a: "A", b: sql`"B"` }, whenMissing: "empty" }),
        context(),
      );
      expect(dataset).toMatchObject({
        files: [],
        rows: 0,
        columns: [
          { name: "a", type: "VARCHAR" },
          { name: "b", type: "VARCHAR" },
        ],
      });
      expect(dataset.hash).toMatch(/^[0-9a-f]{64}$/);
    }
  });

  it("a glob reads all files in the order of their names; columns may stand in another order", async () => {
    put("2.csv", "b,a\n4,3\n");
    put("1.csv.gz", gzipSync("a,b\n1,2\n"));
    put("3.csv", "a,b\n");
    put("4.csv", "a,b\n5,6\n");
    mkdirSync(join(folder, "5.csv"));
    expect(await read("*.csv*")).toEqual([
      { a: "1", b: "2" },
      { a: "3", b: "4" },
      { a: "5", b: "6" },
    ]);
    expect(await read(join(folder, "[12].csv*"), { columns: { x: "b" } })).toEqual([{ x: "2" }, { x: "4" }]);
  });

  it("a glob over files with other columns names the file that differs", async () => {
    put("1.csv", "a,b\n1,2\n");
    put("2.csv", "a,c\n3,4\n");
    expect(await failure("*.csv")).toMatchObject({
      code: "SOURCE_COLUMNS",
      message: expect.stringMatching(/^2\.csv has no column "b"/) as unknown,
    });
  });

  it("a folder with / at its end is all its files of the format, also those further down", async () => {
    mkdirSync(join(folder, "in/b"), { recursive: true });
    put("in/a.csv", "a\n1\n");
    put("in/b/b.csv.gz", gzipSync("a\n2\n"));
    put("in/notes.txt", "nothing to read");
    expect(await read("in/")).toEqual([{ a: "1" }, { a: "2" }]);
  });

  it("a name that looks like a glob and exists is that file", async () => {
    put("[x].csv", "a\n1\n");
    put("x.csv", "a\n2\n");
    expect(await read("[x].csv")).toEqual([{ a: "1" }]);
  });

  it("copies made on the way are removed", async () => {
    put("a.csv.gz", gzipSync("a\n1\n"));
    await read("a.csv.gz");
    expect(
      readdirSync(artifacts.folder, { recursive: true, withFileTypes: true }).filter(
        (entry) => entry.isFile() && !entry.name.endsWith(".parquet"),
      ),
    ).toEqual([]);
  });

  it("a read that is stopped before it begins reads nothing", async () => {
    put("a.csv", "a\n1\n");
    await expect(csvSource(csv("a.csv"), { ...context(), signal: AbortSignal.abort() })).rejects.toThrow();
  });
});

const retail = join(import.meta.dirname, "../../../../shared/data/retail");

describe.skipIf(!existsSync(retail))("csv on the retail year (skipped without ../shared)", () => {
  it("reads all 370,931 lines of the 245 files", async () => {
    const dataset = await csvSource(csv(`${retail}/*.csv.gz`, { columns: { invoice_no: "InvoiceNo" } }), context());
    expect(dataset.rows).toBe(370_931);
  }, 60_000);
});
