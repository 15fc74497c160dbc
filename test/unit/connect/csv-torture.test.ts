// CSV files at their worst, made here. Each case says what must come of each row: loaded right, or set aside with its line
// and the reason. Whatever happens, rows in = rows out + rows set aside.
import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createCsvSource, csvSource } from "../../../src/adapters/csv/source.ts";
import { systemClock } from "../../../src/clock.ts";
import { csv, type CsvOptions } from "../../../src/connect/csv.ts";
import type { RejectedRow } from "../../../src/connect/rejected-rows.ts";
import type { SourceAdapter, SourceContext } from "../../../src/connect/source.ts";
import { openSession, type Row, type Session } from "../../../src/dataset/session.ts";
import { sql } from "../../../src/dataset/sql.ts";
import { readDataset } from "../../../src/dataset/write-dataset.ts";
import { silentLog } from "../../../src/log.ts";
import { temporaryArtifacts } from "../../conformance/sink.ts";

let session: Session;
let artifacts: ReturnType<typeof temporaryArtifacts>;
let folder: string;

beforeAll(async () => {
  session = await openSession({ temporaryFolder: tmpdir() });
});
afterAll(() => session.close());
beforeEach(() => {
  artifacts = temporaryArtifacts();
  folder = mkdtempSync(join(tmpdir(), "sluice-torture-"));
  return async () => {
    await artifacts.dispose();
    await rm(folder, { recursive: true, force: true });
  };
});

/** Reads as it reads files too large to be held: in pieces, here tiny ones. */
const inPieces = createCsvSource({ whole: 0, chunk: 64 });

interface Reading {
  readonly rows: readonly Row[];
  readonly rejected: readonly RejectedRow[];
  readonly quarantined: number;
}

const put = (name: string, content: string | Buffer): void => writeFileSync(join(folder, name), content);

async function read(pattern: string, options: CsvOptions = {}, adapter: SourceAdapter = csvSource): Promise<Reading> {
  const rejected: RejectedRow[] = [];
  const context: SourceContext = {
    folder,
    home: folder,
    signal: new AbortController().signal,
    log: silentLog,
    clock: systemClock,
    artifacts,
    session: async () => session,
    resolve: String,
    reject: async (_what, rows) => {
      for await (const batch of rows) rejected.push(...batch);
      return rejected.length;
    },
  };
  const dataset = await adapter(csv(pattern, { onMalformed: "quarantine", ...options }), context);
  const rows = await session.rows(`SELECT * FROM ${readDataset(dataset)}`);
  expect(rows.length).toBe(dataset.rows);
  const left = readdirSync(artifacts.folder, { recursive: true, withFileTypes: true });
  expect(left.filter((entry) => entry.isFile() && !entry.name.endsWith(".parquet"))).toEqual([]);
  return { rows, rejected, quarantined: dataset.quarantined ?? 0 };
}

/** Rejected rows as "line: rule". */
const reasons = ({ rejected }: Reading): string[] =>
  rejected.map(({ row, reasons: [reason] }) => `${String(row["line"])}: ${reason!.rule}`);
const texts = ({ rejected }: Reading): unknown[] => rejected.map(({ row }) => row["text"]);

interface Case {
  readonly what: string;
  readonly text: string | Buffer;
  readonly options?: CsvOptions;
  /** The values of each row that is loaded. */
  readonly loaded: readonly (readonly (string | null)[])[];
  /** Line and reason of each row that is set aside. */
  readonly aside?: readonly string[];
  /** And its text. */
  readonly texts?: readonly string[];
}

const bytes = (...parts: readonly (string | number)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from([part]))));

const cases: readonly Case[] = [
  {
    what: "nothing wrong",
    text: "a,b\n1,2\n3,4\n",
    loaded: [
      ["1", "2"],
      ["3", "4"],
    ],
  },
  {
    what: "too few fields and too many",
    text: "a,b\n1,2\n3\n4,5,6\n7,8\n",
    loaded: [
      ["1", "2"],
      ["7", "8"],
    ],
    aside: ["3: fields", "4: fields"],
    texts: ["3", "4,5,6"],
  },
  {
    what: "a ragged row over several lines: all of it is one row",
    text: 'a,b\n1,"x\ny",3\n4,5\n',
    loaded: [["4", "5"]],
    aside: ["2: fields"],
    texts: ['1,"x\ny",3'],
  },
  {
    what: "a ragged last row without a line end",
    text: "a,b\n1,2\n3",
    loaded: [["1", "2"]],
    aside: ["3: fields"],
    texts: ["3"],
  },
  {
    what: "only ragged rows",
    text: "a,b\n1\n2\n",
    loaded: [],
    aside: ["2: fields", "3: fields"],
  },
  {
    what: "quotes, delimiters and line ends in quotes",
    text: 'a,b\n"say ""hi""",","\n"x\r\ny","\n"\n',
    loaded: [
      ['say "hi"', ","],
      ["x\r\ny", "\n"],
    ],
  },
  {
    what: "a quote inside a plain field is a character",
    text: 'a,b\n5" pipe,6"\n',
    loaded: [['5" pipe', '6"']],
  },
  {
    what: "text after a closing quote",
    text: 'a,b\n1,"2"x\n3,4\n',
    loaded: [["3", "4"]],
    aside: ["2: quote"],
    texts: ['1,"2"x'],
  },
  {
    what: "a stray quote that the next quoted field closes: each line is set aside by itself",
    text: 'a,b\n1,"2\n3,"4"\n5,6\n',
    loaded: [["5", "6"]],
    aside: ["2: quote", "3: quote"],
    texts: ['1,"2', '3,"4"'],
  },
  {
    what: "a quote that is never closed: the lines to the end are set aside one by one",
    text: 'a,b\n1,2\n3,"4\n5,6\n7,8\n',
    loaded: [["1", "2"]],
    aside: ["3: quote", "4: quote", "5: quote"],
    texts: ['3,"4', "5,6", "7,8"],
  },
  {
    what: "a quote that is never closed, without a last line end",
    text: 'a,b\n1,2\n3,"4\n5,6',
    loaded: [["1", "2"]],
    aside: ["3: quote", "4: quote"],
  },
  {
    what: "mixed line ends",
    text: "a,b\r\n1,2\n3,4\r\n5\n6,7\n",
    loaded: [
      ["1", "2"],
      ["3", "4"],
      ["6", "7"],
    ],
    aside: ["4: fields"],
    texts: ["5"],
  },
  {
    what: "a bare carriage return among line feeds",
    text: "a,b\n1\r,2\n3,4\n5,\r6\n7,8\n9,0\r",
    loaded: [
      ["3", "4"],
      ["7", "8"],
    ],
    aside: ["2: lineEnd", "4: lineEnd", "6: lineEnd"],
  },
  {
    what: "line feeds among carriage returns",
    text: "a,b\r1,2\r3,4\n5,6\r",
    loaded: [
      ["1", "2"],
      ["5", "6"],
    ],
    aside: ["3: lineEnd"],
  },
  {
    what: "carriage returns alone",
    text: "a,b\r1,2\r3\r4,5",
    loaded: [
      ["1", "2"],
      ["4", "5"],
    ],
    aside: ["3: fields"],
  },
  {
    what: "bytes that are not UTF-8, in a value, in a quoted one, and cut off at the end",
    text: bytes("a,b\n1,2\n3,", 0xe9, "t\n", '"x\n', 0xff, '",5\n6,7\n8,', 0xc3),
    loaded: [
      ["1", "2"],
      ["6", "7"],
    ],
    aside: ["3: encoding", "4: encoding", "7: encoding"],
    texts: ["3,\ufffdt", '"x\n\ufffd",5', "8,\ufffd"],
  },
  {
    what: "an overlong form and half of a surrogate pair",
    text: bytes("a\n", 0xc0, 0xaf, "\nb\n", 0xed, 0xa0, 0x80, "\n"),
    loaded: [["b"]],
    aside: ["2: encoding", "4: encoding"],
  },
  {
    what: "NUL in values",
    text: 'a,b\n1,x\0y\n"\0",2\n',
    loaded: [
      ["1", "x\0y"],
      ["\0", "2"],
    ],
  },
  { what: "a byte order mark", text: "\ufeffa,b\n1,2\n3\n", loaded: [["1", "2"]], aside: ["3: fields"] },
  {
    what: "UTF-16 with its mark, little end first",
    text: Buffer.from("\ufeffa,b\r\né,🎉\r\n3\r\n", "utf16le"),
    loaded: [["é", "🎉"]],
    aside: ["3: fields"],
  },
  {
    what: "UTF-16 with its mark, big end first, with half a pair and half a character",
    text: Buffer.concat([Buffer.from("\ufeffa,b\nx,\ud83d\n\ufffd,日\ny,z", "utf16le").swap16(), Buffer.from([0])]),
    loaded: [["\ufffd", "日"]],
    aside: ["2: encoding", "4: encoding"],
  },
  {
    what: "Windows-1252",
    text: bytes("a,b\n", 0x80, ",", 0xe9, "\n", 0x93, "x", 0x94, ",2,3\n"),
    options: { encoding: "latin1" },
    loaded: [["€", "é"]],
    aside: ["3: fields"],
    texts: ["“x”,2,3"],
  },
  {
    what: "Shift_JIS with a byte that is no character",
    text: bytes("a,b\n", 0x93, 0xfa, 0x96, 0x7b, ",1\n", 0xff, ",2\n3,4\n"),
    options: { encoding: "shift_jis" },
    loaded: [
      ["日本", "1"],
      ["3", "4"],
    ],
    aside: ["3: encoding"],
  },
  {
    what: "an encoding that the mark contradicts: the mark is believed",
    text: "\ufeffa\né\n",
    options: { encoding: "windows-1252" },
    loaded: [["é"]],
  },
  { what: "a header and nothing else", text: "a,b\n", loaded: [] },
  { what: "a header without a line end", text: "a,b", loaded: [] },
  {
    what: "lines with nothing on them",
    text: "a,b\n\n1,2\n\n\n3,4\n\n",
    loaded: [
      ["1", "2"],
      ["3", "4"],
    ],
  },
  {
    what: "a line of spaces",
    text: "a,b\n1,2\n   \n",
    loaded: [["1", "2"]],
    aside: ["3: fields"],
  },
  {
    what: "one column, where a line with nothing on it is a null",
    text: 'a\n1\n\n""\n',
    loaded: [["1"], [null], [""]],
  },
  {
    what: "nulls and empty texts",
    text: 'a,b\n,""\n"",\n',
    loaded: [
      [null, ""],
      ["", null],
    ],
  },
  {
    what: "numbers with separators, dates, leading zeros: all text, nothing is guessed",
    text: 'a,b\n"1,234.50",1.234,50\n"1,234.50","1.234,50"\n007,2011-01-04\n1e5,TRUE\nNaN,null\n',
    loaded: [
      ["1,234.50", "1.234,50"],
      ["007", "2011-01-04"],
      ["1e5", "TRUE"],
      ["NaN", "null"],
    ],
    aside: ["2: fields"],
  },
  {
    what: "tabs between fields, with commas in them",
    text: "a\tb\n1,5\t2\n3\n",
    options: { delimiter: "\t" },
    loaded: [["1,5", "2"]],
    aside: ["3: fields"],
  },
  {
    what: "another delimiter than declared: no row has the columns",
    text: "a;b\n1;2\n",
    loaded: [["1;2"]],
  },
  {
    what: "spaces around quotes and in fields",
    text: 'a,b\n "x" , y \n  ,"z"\n',
    loaded: [
      ["x", " y "],
      ["  ", "z"],
    ],
  },
];

describe("csv torture", () => {
  it.each(cases)("$what", async ({ text, options, loaded, aside = [], texts: wanted }) => {
    put("a.csv", text);
    for (const adapter of [csvSource, inPieces]) {
      const reading = await read("a.csv", options, adapter);
      expect(reading.rows.map((row) => Object.values(row))).toEqual(loaded);
      expect(reasons(reading)).toEqual(aside);
      if (wanted !== undefined) expect(texts(reading)).toEqual(wanted);
      expect(reading.quarantined).toBe(aside.length);
    }
  });

  it.each([
    ["nothing in the file", "", "is empty"],
    ["nothing in the first line", "\na,b\n1,2\n", "no column names"],
    ["a column twice", "a,b,a\n1,2,3\n", 'column "a" twice'],
    ["a header that is not UTF-8", bytes("a,", 0xe9, "\n1,2\n"), "line 1 is not valid UTF-8"],
    ["a quote in the header that is never closed", 'a,"b\n1,2\n', "never closed"],
    ["text after a closing quote in the header", '"a"x,b\n1,2\n', "after a closing quote"],
    ["UTF-32", Buffer.from([0xff, 0xfe, 0, 0, 0x61, 0, 0, 0]), "UTF-32"],
  ])("a file with %s is refused whole: nobody can say what its columns are", async (_what, text, message) => {
    put("a.csv", text);
    await expect(read("a.csv")).rejects.toThrow(message);
  });

  it("says of each row which file it is in and where it stands among all", async () => {
    put("1.csv", "a,b\n1,2\n3\n");
    put("2.csv.gz", gzipSync('a,b\n4,5\n6,"7\n8,9\n'));
    const reading = await read("*.csv*");
    expect(reading.rows).toEqual([
      { a: "1", b: "2" },
      { a: "4", b: "5" },
    ]);
    expect(reading.rejected).toEqual([
      {
        record: 2,
        row: { file: "1.csv", line: 3, text: "3" },
        reasons: [{ path: "", rule: "fields", value: null, message: "1.csv: line 3 has 1 field, the header has 2" }],
      },
      expect.objectContaining({ record: 4, row: { file: "2.csv.gz", line: 3, text: '6,"7' } }),
      expect.objectContaining({ record: 5, row: { file: "2.csv.gz", line: 4, text: "8,9" } }),
    ]);
  });

  it("keeps the bytes of a row that is no text", async () => {
    put("a.csv", bytes("a\n", 0xe9, "\n"));
    const { rejected } = await read("a.csv");
    expect(Buffer.from(String(rejected[0]!.row["base64"]), "base64")).toEqual(bytes(0xe9, "\n"));
  });

  it("sets nothing aside without being told to", async () => {
    put("a.csv", "a,b\n1\n");
    await expect(read("a.csv", { onMalformed: "fail" })).rejects.toMatchObject({
      code: "SOURCE_MALFORMED",
      message: "a.csv: line 2 has 1 field, the header has 2",
    });
  });

  it("reads 100,000 columns: the ones that are named, of the rows that have all", async () => {
    const names = Array.from({ length: 100_000 }, (_, position) => `c${position}`);
    const line = (from: number): string => names.map((_, position) => String(from + position)).join(",");
    put("a.csv", `${names.join(",")}\n${line(0)}\n${line(7)},1\n\n${line(1)}\n`);
    const columns = { first: "c0", last: "c99999", both: sql`"c5" || '-' || "c77777"` };
    for (const adapter of [csvSource, createCsvSource({ whole: 0, chunk: 1 << 16 })]) {
      const reading = await read("a.csv", { columns }, adapter);
      expect(reading.rows).toEqual([
        { first: "0", last: "99999", both: "5-77777" },
        { first: "1", last: "100000", both: "6-77778" },
      ]);
      expect(reasons(reading)).toEqual(["3: fields"]);
    }
    await expect(read("a.csv")).rejects.toMatchObject({
      code: "SOURCE_COLUMNS",
      message: "a.csv has 100000 columns, and 100000 of them are taken: 4096 are the most",
    });
  });

  it("one of many columns keeps its nulls", async () => {
    const names = Array.from({ length: 2000 }, (_, position) => `c${position}`);
    put("a.csv", `${names.join(",")}\r\n${",".repeat(1999)}\r\n\r\n"x\r\ny",${",".repeat(1998)}\r\n`);
    expect((await read("a.csv", { columns: { a: "c0" } })).rows).toEqual([{ a: null }, { a: "x\r\ny" }]);
  });

  it("a field of 20 MB, and a rejected row of as much", async () => {
    put("a.csv", `a,b\n1,${"x".repeat(20_000_000)}\n${"y".repeat(20_000_000)}\n2,z\n`);
    const reading = await read("a.csv", { columns: { a: "a", n: sql`length("b")` } });
    expect(reading.rows).toEqual([
      { a: "1", n: "20000000" },
      { a: "2", n: "1" },
    ]);
    expect(reasons(reading)).toEqual(["3: fields"]);
    expect(reading.rejected[0]!.row["cutFrom"]).toBe(20_000_001);
  });

  it("20,000 rows set aside in between, in bounded memory", async () => {
    const lines = Array.from({ length: 40_000 }, (_, index) => (index % 2 === 0 ? `${index},x` : `${index}`));
    put("a.csv", `a,b\n${lines.join("\n")}\n`);
    const reading = await read("a.csv");
    expect([reading.rows.length, reading.rejected.length]).toEqual([20_000, 20_000]);
    expect(texts(reading).slice(-1)).toEqual(["39999"]);
    expect(reading.rejected.map(({ record }) => record)).toEqual(
      lines.flatMap((_, index) => (index % 2 === 1 ? [index + 1] : [])),
    );
  });

  it("whatever a file holds: rows in = rows out + set aside, and what is loaded is what stands there", async () => {
    const piece = fc.constantFrom("a", "1", ",", ",", '"', '""', "\n", "\n", "\r\n", "\r", " ", "é", "\xff");
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 40 }), fc.constantFrom("\n", "\r\n", "\r"), async (pieces, end) => {
        // "\xff" stands for a byte that is in no UTF-8 text.
        const body = Buffer.concat(pieces.map((text) => (text === "\xff" ? Buffer.from([0xff]) : Buffer.from(text))));
        put("any.csv", Buffer.concat([Buffer.from(`x,y${end}`), body]));
        const whole = await read("any.csv");
        const cut = await read("any.csv", {}, createCsvSource({ whole: 0, chunk: 3 }));
        expect(cut).toEqual(whole);
        // Nothing is set aside in a file that is read as it is, and the other way about.
        const strict = await read("any.csv", { onMalformed: "fail" }).catch(() => null);
        expect(strict === null).toBe(whole.rejected.length > 0);
        if (strict !== null) expect(strict.rows).toEqual(whole.rows);
        for (const row of whole.rows)
          for (const value of Object.values(row)) expect(value ?? "").not.toContain("\ufffd");
      }),
      { numRuns: Number(process.env["RUNS"] ?? 200) },
    );
  });
});
