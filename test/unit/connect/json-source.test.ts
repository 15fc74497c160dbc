// JSONL and JSON: no type and no digit is lost, and what can't be read is set aside with its place and the reason.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createJsonSource, jsonSource } from "../../../src/adapters/json/source.ts";
import { json, jsonl } from "../../../src/connect/json-files.ts";
import { testSource } from "../../conformance/source.ts";
import { fileHarness, type FileHarness, type Reading } from "./file-harness.ts";

let files: FileHarness;
beforeAll(async () => {
  files = await fileHarness();
});
afterAll(() => files.dispose());

/** Reads as it reads files too large to be held: in pieces, here tiny ones. */
const inPieces = createJsonSource({ whole: 0, chunk: 7 });
const reasons = ({ rejected }: Reading): string[] =>
  rejected.map(({ row, reasons: [reason] }) => `${String(row["line"] ?? row["element"])}: ${reason!.rule}`);

for (const format of ["jsonl", "json"] as const) {
  testSource({
    name: format,
    create: async () => {
      const own = await fileHarness();
      return {
        adapter: jsonSource,
        context: own.context,
        artifactFolder: own.artifactFolder,
        holding: async (rows) => {
          const records = rows.map(({ id, label }) => `{"id":${id},"label":${JSON.stringify(label)}}`);
          const text = format === "jsonl" ? records.join("\n") : `{"data":{"items":[${records.join(",")}]}}`;
          own.put(`rows.${format}.gz`, gzipSync(text));
          const columns = { id: { from: "id", type: "BIGINT" }, label: { from: "label", type: "VARCHAR" } };
          return format === "jsonl"
            ? jsonl("rows.jsonl.gz", { columns })
            : json("rows.json.gz", { columns, records: "data.items" });
        },
        missing: async () => jsonl("nowhere.jsonl"),
        dispose: own.dispose,
      };
    },
  });
}

describe("jsonl", () => {
  it('keeps types and digits: 1 and "1", null and nothing, 64 bits and more, 1.10', async () => {
    files.put(
      "a.jsonl",
      [
        `{"a":1,"b":"1","c":null}`,
        `{"b":1,"a":9007199254740993,"d":{"x":[1.10,1e400,-0]}}`,
        `{"a":12345678901234567890123,"b":true,"c":"null"}`,
      ].join("\n"),
    );
    for (const adapter of [jsonSource, inPieces]) {
      const { dataset, rows } = await files.read(jsonl("a.jsonl"), adapter);
      expect(dataset.columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
        "a JSON",
        "b JSON",
        "c JSON",
        "d JSON",
      ]);
      expect(rows).toEqual([
        { a: "1", b: '"1"', c: "null", d: null },
        { a: "9007199254740993", b: "1", c: null, d: '{"x":[1.10,1e400,-0]}' },
        { a: "12345678901234567890123", b: "true", c: '"null"', d: null },
      ]);
    }
  });

  it("gives columns their types, from where they lie", async () => {
    files.put(
      "a.jsonl",
      `{"id":9007199254740993,"n":{"at":"2026-01-31T13:45:00.123456+08:00","p":"12.50"},"ok":true,"x.y":0.1}\n`,
    );
    const { rows } = await files.read(
      jsonl("a.jsonl", {
        columns: {
          id: { from: "id", type: "BIGINT" },
          at: { from: "n.at", type: "TIMESTAMP WITH TIME ZONE" },
          price: { from: "n.p", type: "DECIMAL(12,2)" },
          ok: { from: "ok", type: "BOOLEAN" },
          dotted: { from: ["x.y"], type: "DOUBLE" },
          raw: "n",
          none: { from: "none", optional: true },
        },
      }),
      jsonSource,
    );
    expect(rows).toEqual([
      {
        id: "9007199254740993",
        at: "2026-01-31 05:45:00.123456+00",
        price: "12.50",
        ok: true,
        dotted: 0.1,
        raw: '{"at":"2026-01-31T13:45:00.123456+08:00","p":"12.50"}',
        none: null,
      },
    ]);
  });

  it("sets aside what is no JSON, no object, no text, and no value of its column's type", async () => {
    const lines: (string | Buffer)[] = [
      '\ufeff{"id":1}',
      "{id:2}",
      "",
      "   ",
      "[3]",
      "4",
      "null",
      '{"id":5.5}',
      '{"id":"6"}\r',
      '{"id":"seven"}',
      Buffer.from([0x7b, 0xff, 0x7d]),
      '{"id":8,"s":"\\ud800"}',
      '{"id":9,"s":"\\ud83d\\ude00"}',
      '{"id":9223372036854775808}',
      '{"id":10} trailing',
      '{"id":null}',
      '{"id":11',
    ];
    files.put(
      "a.jsonl",
      Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from("\n")])).subarray(0, -1),
    );
    const source = jsonl("a.jsonl", { columns: { id: { from: "id", type: "BIGINT" } }, onMalformed: "quarantine" });
    for (const adapter of [jsonSource, inPieces]) {
      const reading = await files.read(source, adapter);
      expect(reading.rows).toEqual([{ id: "1" }, { id: "6" }, { id: "9" }, { id: null }]);
      expect(reasons(reading)).toEqual([
        "2: json",
        "5: json",
        "6: json",
        "7: json",
        "8: type",
        "10: type",
        "11: encoding",
        "12: encoding",
        "14: type",
        "15: json",
        "17: json",
      ]);
      expect(reading.rejected[0]).toEqual({
        record: 2,
        row: { file: "a.jsonl", line: 2, text: "{id:2}" },
        reasons: [{ path: "", rule: "json", value: null, message: "a.jsonl: line 2 is not JSON (at character 2)" }],
      });
      expect(reading.rejected[4]!.reasons).toEqual([
        { path: "id", rule: "type", value: "5.5", message: 'a.jsonl: line 8 has "5.5" as "id", which is no BIGINT' },
      ]);
    }
  });

  it.each([
    [
      "BIGINT",
      ["9223372036854775807", "-5", '"12"', "3.0"],
      ["9223372036854775808", "1.5", '""', '" 1"', '"0x1"', "1e2", "true"],
    ],
    ["UTINYINT", ["0", "255"], ["-1", "256"]],
    ["DECIMAL(5,2)", ["123.45", '"1.50"', "0.100", "-0"], ["1.005", "1000", '"1,5"', '"NaN"', "1e2"]],
    ["DOUBLE", ["1e2", "0.1", '"5"'], ["1e400", '"NaN"', '"inf"', '""']],
    ["BOOLEAN", ["true", '"false"'], ["1", '"yes"', '"TRUE"']],
    ["DATE", ['"2024-02-29"'], ['"2023-02-29"', '"2024-2-9"', '"29.02.2024"', "20240229"]],
    [
      "TIMESTAMP",
      ['"2024-02-29T23:59:59.5"', '"2024-02-29 10:00"'],
      ['"2024-02-29T24:01:00"', '"2024-02-29T10:61"', '"2024-02-29T10:00Z"', "1709200000"],
    ],
    [
      "TIMESTAMPTZ",
      ['"2024-02-29T10:00:00Z"', '"2024-02-29 10:00:00.123456-0800"'],
      ['"2024-02-29T10:00:00"', '"2024-02-29T10:00:00.1234567Z"'],
    ],
  ])(
    "%s takes what is exactly one of it, and nothing that the engine would round or guess",
    async (type, good, bad) => {
      files.put("a.jsonl", [...good, ...bad].map((value) => `{"v":${value}}`).join("\n"));
      const reading = await files.read(
        jsonl("a.jsonl", { columns: { v: { from: "v", type } }, onMalformed: "quarantine" }),
        jsonSource,
      );
      expect(reading.rejected.map(({ row }) => row["text"])).toEqual(bad.map((value) => `{"v":${value}}`));
      expect(reading.rows.length).toBe(good.length);
    },
  );

  it("fails with line and reason without being told to set aside", async () => {
    files.put("a.jsonl", '{"a":1}\n{"a":\n');
    expect(await files.failure(jsonl("a.jsonl"), jsonSource)).toMatchObject({
      code: "SOURCE_MALFORMED",
      message: "a.jsonl: line 2 is not JSON (at character 6)",
    });
  });

  it("names a column that no record has, and what it is probably called now", async () => {
    files.put("a.jsonl", '{"user_id":1}\n');
    const error = await files.failure(jsonl("a.jsonl", { columns: { id: "userId" } }), jsonSource);
    expect(error).toMatchObject({ code: "SOURCE_COLUMNS", details: { probable: "user_id" } });
  });

  it("keys that differ only in case, and very many keys, are refused: a table can't have them", async () => {
    files.put("a.jsonl", '{"a":1}\n{"A":2}\n');
    expect(await files.failure(jsonl("a.jsonl"), jsonSource)).toMatchObject({ code: "SOURCE_COLUMNS" });
    files.put("b.jsonl", Array.from({ length: 5000 }, (_, index) => `{"k${index}":1}`).join("\n"));
    expect((await files.failure(jsonl("b.jsonl"), jsonSource)).message).toBe(
      "b.jsonl has more than 4096 different keys",
    );
  });

  it("only records without a key, only broken ones, and none at all", async () => {
    files.put("a.jsonl", "{}\n");
    expect(await files.failure(jsonl("a.jsonl"), jsonSource)).toMatchObject({ code: "SOURCE_COLUMNS" });
    files.put("a.jsonl", "{\n{\n");
    expect(await files.failure(jsonl("a.jsonl", { onMalformed: "quarantine" }), jsonSource)).toMatchObject({
      code: "SOURCE_COLUMNS",
      message: "a.jsonl: no record has a key, so nothing tells what the columns are",
    });
    const columns = { n: { from: "n", type: "BIGINT" } };
    const reading = await files.read(jsonl("a.jsonl", { columns, onMalformed: "quarantine" }), jsonSource);
    expect([reading.rows.length, reading.rejected.length]).toEqual([0, 2]);
    files.put("a.jsonl", "");
    expect((await files.read(jsonl("a.jsonl", { columns }), jsonSource)).dataset).toMatchObject({ rows: 0 });
  });

  it("reads many files in the order of their names, and a folder", async () => {
    mkdirSync(join(files.folder, "in/deep"), { recursive: true });
    files.put("in/b.jsonl", '{"n":2}\n');
    files.put("in/a.jsonl.gz", gzipSync('{"n":1}'));
    files.put("in/deep/c.ndjson", '{"n":3}\n');
    files.put("in/x.csv", "n\n4\n");
    expect((await files.read(jsonl("in/*.jsonl*"), jsonSource)).rows).toEqual([{ n: "1" }, { n: "2" }]);
    expect((await files.read(jsonl("in/"), jsonSource)).rows).toEqual([{ n: "1" }, { n: "2" }, { n: "3" }]);
    const none = jsonl("none/*.jsonl", { whenMissing: "empty", columns: { n: { from: "n", type: "BIGINT" } } });
    expect((await files.read(none, jsonSource)).dataset).toMatchObject({
      rows: 0,
      columns: [{ name: "n", type: "BIGINT" }],
    });
  });

  it("reads other encodings", async () => {
    files.put("a.jsonl", Buffer.from('\ufeff{"a":"é"}\n', "utf16le"));
    expect((await files.read(jsonl("a.jsonl"), jsonSource)).rows).toEqual([{ a: '"é"' }]);
    files.put("a.jsonl", Buffer.from('{"a":"é"}\n', "latin1"));
    expect((await files.read(jsonl("a.jsonl", { encoding: "latin1" }), jsonSource)).rows).toEqual([{ a: '"é"' }]);
  });

  it("any records come back as they were, whole or in pieces; broken ones in between are counted", async () => {
    const record = fc.dictionary(fc.stringMatching(/^[a-z]{1,3}$/), fc.jsonValue({ maxDepth: 2 }), {
      minKeys: 1,
      maxKeys: 3,
    });
    const line = fc.oneof(
      { weight: 4, arbitrary: record },
      { weight: 1, arbitrary: fc.constantFrom("{", "x", "[]", "\u2028{}") },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(record, fc.array(line, { maxLength: 12 })).map(([first, more]) => [first, ...more]),
        fc.constantFrom("\n", "\r\n"),
        async (lines, end) => {
          const text = lines.map((item) => (typeof item === "string" ? item : JSON.stringify(item))).join(end);
          files.put("any.jsonl", text);
          const source = jsonl("any.jsonl", { onMalformed: "quarantine" });
          const whole = await files.read(source, jsonSource);
          expect(await files.read(source, inPieces)).toEqual(whole);
          const records = lines.filter((item) => typeof item !== "string");
          const back = whole.rows.map((row) =>
            Object.fromEntries(
              Object.entries(row).flatMap(([key, value]) => (value === null ? [] : [[key, JSON.parse(String(value))]])),
            ),
          );
          expect(back).toEqual(records.map((item) => JSON.parse(JSON.stringify(item)) as unknown));
          expect(whole.rejected.length).toBe(lines.length - records.length);
        },
      ),
      { numRuns: Number(process.env["RUNS"] ?? 60) },
    );
  });
});

describe("json", () => {
  it("reads an array, at the top or where it lies, and sets aside what is no record", async () => {
    files.put("a.json", '\ufeff[{"a":9007199254740993},7,{"a":null}]');
    const reading = await files.read(json("a.json", { onMalformed: "quarantine" }), jsonSource);
    expect(reading.rows).toEqual([{ a: "9007199254740993" }, { a: "null" }]);
    expect(reading.rejected).toEqual([
      {
        record: 2,
        row: { file: "a.json", element: 2, text: "7" },
        reasons: [{ path: "", rule: "json", value: null, message: "a.json: record 2 is a number, not an object" }],
      },
    ]);
    files.put("b.json", '{"data":{"items":[{"a":1.10}]}}');
    expect((await files.read(json("b.json", { records: "data.items" }), jsonSource)).rows).toEqual([{ a: "1.10" }]);
  });

  it.each([
    ["no JSON", '[{"a":1},]', "a.json is not JSON (at character 10)"],
    ["an object in place of the array", '{"data":[]}', "a.json: has an object where the array of records should be"],
    ["nothing", "", "a.json is not JSON (at character 1)"],
    ["no text", Buffer.from([0x5b, 0xff, 0x5d]), "a.json is not valid UTF-8"],
  ])("refuses %s", async (_what, text, message) => {
    files.put("a.json", text);
    expect(await files.failure(json("a.json"), jsonSource)).toMatchObject({ code: "SOURCE_MALFORMED", message });
  });

  it("refuses a document that is too large to be held", async () => {
    files.put("a.json", JSON.stringify([{ a: "x".repeat(2000) }]));
    for (const adapter of [jsonSource, inPieces]) {
      expect((await files.failure(json("a.json", { maxBytes: 1000 }), adapter)).message).toBe(
        "a.json is larger than 1000 bytes",
      );
    }
  });
});
