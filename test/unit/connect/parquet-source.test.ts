// Parquet files as a source: types stay, files that differ are named, damage is found.
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parquetSource } from "../../../src/adapters/parquet/source.ts";
import { parquet } from "../../../src/connect/parquet.ts";
import { quoteLiteral, sql } from "../../../src/dataset/sql.ts";
import { testSource } from "../../conformance/source.ts";
import { fileHarness, type FileHarness } from "./file-harness.ts";

let files: FileHarness;
beforeAll(async () => {
  files = await fileHarness();
});
afterAll(() => files.dispose());

const write = async (own: FileHarness, name: string, query: string): Promise<void> => {
  mkdirSync(join(own.folder, name, ".."), { recursive: true });
  await (
    await own.context.session()
  ).run(`COPY (${query}) TO ${quoteLiteral(join(own.folder, name))} (FORMAT parquet)`);
};

testSource({
  name: "parquet",
  create: async () => {
    const own = await fileHarness();
    return {
      adapter: parquetSource,
      context: own.context,
      artifactFolder: own.artifactFolder,
      holding: async (rows) => {
        const values = rows.map(({ id, label }) => `(${id}::BIGINT, ${quoteLiteral(label)})`).join(", ");
        const query = `SELECT * FROM (VALUES ${values === "" ? "(NULL::BIGINT, NULL::VARCHAR)" : values}) AS t(id, label)`;
        await write(own, "rows.parquet", values === "" ? `${query} WHERE false` : query);
        return parquet("rows.parquet");
      },
      missing: async () => parquet("nowhere.parquet"),
      dispose: own.dispose,
    };
  },
});

describe("parquet", () => {
  it("keeps types; takes columns by name and by expression; a folder's name is no column", async () => {
    await write(
      files,
      "d/day=1/a.parquet",
      "SELECT 9007199254740993::BIGINT AS id, 1.50::DECIMAL(9,2) AS price, [1,2] AS list, TIMESTAMPTZ '2026-01-31 10:00:00+00' AS at",
    );
    await write(
      files,
      "d/day=2/b.parquet",
      "SELECT 2::BIGINT AS id, 2.5::DECIMAL(9,2) AS price, [3] AS list, NULL::TIMESTAMPTZ AS at",
    );
    const whole = await files.read(parquet("d/"), parquetSource);
    expect(whole.dataset.columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
      "id BIGINT",
      "price DECIMAL(9,2)",
      "list INTEGER[]",
      "at TIMESTAMP WITH TIME ZONE",
    ]);
    expect(whole.rows.map((row) => row["id"])).toEqual(["9007199254740993", "2"]);
    const some = await files.read(
      parquet("d/*/*.parquet", { columns: { key: "id", twice: sql`price * 2` } }),
      parquetSource,
    );
    expect(some.rows).toEqual([
      { key: "9007199254740993", twice: "3.00" },
      { key: "2", twice: "5.00" },
    ]);
  });

  it.each([
    ["another type", "SELECT 1.5::DOUBLE AS id", 'e/b.parquet has "id" as DOUBLE, e/a.parquet as INTEGER'],
    ["a column less", "SELECT 1 AS other", 'e/b.parquet has no column "id", which e/a.parquet has'],
    ["a column more", "SELECT 1 AS id, 2 AS more", 'e/b.parquet has the column "more", which e/a.parquet lacks'],
  ])("a file with %s than the first is named, not cast", async (_what, query, message) => {
    await write(files, "e/a.parquet", "SELECT 1 AS id");
    await write(files, "e/b.parquet", query);
    expect(await files.failure(parquet("e/*.parquet"), parquetSource)).toMatchObject({
      code: "SOURCE_COLUMNS",
      message,
    });
  });

  it("says what a missing column is probably called now, also in an expression", async () => {
    await write(files, "f.parquet", "SELECT 1 AS user_id");
    for (const column of ["userId", sql`"userId" + 1`]) {
      expect(await files.failure(parquet("f.parquet", { columns: { c: column } }), parquetSource)).toMatchObject({
        code: "SOURCE_COLUMNS",
        message: 'f.parquet has no column "userId" (probably renamed to "user_id"); it has "user_id"',
      });
    }
  });

  it("refuses what is no Parquet file, one that is cut off, and one with a byte changed in its data", async () => {
    files.put("g.parquet", "hello");
    expect(await files.failure(parquet("g.parquet"), parquetSource)).toMatchObject({ code: "SOURCE_MALFORMED" });
    await write(files, "h.parquet", "SELECT i AS id, md5(i::VARCHAR) AS text FROM range(1000) AS t(i)");
    const whole = readFileSync(join(files.folder, "h.parquet"));
    files.put("i.parquet", whole.subarray(0, whole.length - 100));
    expect(await files.failure(parquet("i.parquet"), parquetSource)).toMatchObject({ code: "SOURCE_MALFORMED" });
    copyFileSync(join(files.folder, "h.parquet"), join(files.folder, "j.parquet"));
    files.put("j.parquet", Buffer.concat([Buffer.from("PAR1"), Buffer.alloc(200, 0xff), whole.subarray(204)]));
    expect(await files.failure(parquet("j.parquet"), parquetSource)).toMatchObject({ code: "SOURCE_MALFORMED" });
  });

  it("an expression that changes the number of rows is refused", async () => {
    await write(files, "k.parquet", "SELECT i AS id FROM range(3) AS t(i)");
    expect((await files.failure(parquet("k.parquet", { columns: { n: sql`count(*)` } }), parquetSource)).message).toBe(
      "k.parquet: holds 3 rows, but 1 came out",
    );
  });
});
