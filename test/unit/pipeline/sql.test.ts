import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSession, type Session } from "../../../src/dataset/session.ts";
import {
  describeSql,
  identifier,
  inlineSql,
  isSql,
  quoteIdentifier,
  quoteLiteral,
  renderSql,
  sql,
  type SqlValue,
} from "../../../src/dataset/sql.ts";

const dollar = (position: number): string => `$${position}`;

describe("sql", () => {
  it("binds values, in their order, and quotes identifiers", () => {
    const query = sql`select ${identifier("order id")} from ${identifier("staging", 'sa"les')} where day >= ${"2011-01-04"} and n < ${5}`;
    expect(renderSql(query, dollar)).toEqual({
      text: 'select "order id" from "staging"."sa""les" where day >= $1 and n < $2',
      values: ["2011-01-04", 5],
    });
    expect(renderSql(query, () => "?").text).toContain("day >= ? and n < ?");
  });

  it("takes another query into itself, holes and all, however deep", () => {
    const inner = sql`day = ${"a"}`;
    const middle = sql`(${inner} or ${identifier("n")} = ${1})`;
    const outer = sql`select * from t where ${middle} and x = ${null}${sql``}${sql` limit ${2}`}`;
    expect(renderSql(outer, dollar)).toEqual({
      text: 'select * from t where (day = $1 or "n" = $2) and x = $3 limit $4',
      values: ["a", 1, null, 2],
    });
    expect(outer.strings).toHaveLength(outer.values.length + 1);
    expect(renderSql(sql`${inner}${inner}`, dollar)).toEqual({ text: "day = $1day = $2", values: ["a", "a"] });
  });

  it("says the same nested as written out", () => {
    const part = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
    fc.assert(
      fc.property(part, part, part, (a, b, c) => {
        const flat = sql`x ${a} y ${b} z ${c} w`;
        for (const nested of [
          sql`x ${sql`${a} y ${b}`} z ${c} w`,
          sql`${sql`x ${a} y `}${b} z ${sql`${c} w`}`,
          sql`${flat}`,
        ]) {
          expect(nested).toEqual(flat);
        }
      }),
    );
  });

  it("keeps backslashes as they are written", () => {
    expect(inlineSql(sql`regexp_matches(x, '\d+\n')`)).toBe("regexp_matches(x, '\\d+\\n')");
  });

  it("writes values as literals where nothing can be bound", () => {
    const values: [SqlValue, string][] = [
      ["it's", "'it''s'"],
      ["", "''"],
      ["''; drop table x --", "'''''; drop table x --'"],
      ["\\", "'\\'"],
      [5, "5"],
      [-5, "(-5)"],
      [0.5, "0.5e0"],
      [-1e-7, "(-1e-7)"],
      [-5n, "(-5)"],
      [2n ** 100n, "1267650600228229401496703205376"],
      [true, "true"],
      [false, "false"],
      [null, "NULL"],
      [new Date(0), "TIMESTAMPTZ '1970-01-01T00:00:00.000Z'"],
    ];
    for (const [value, expected] of values) expect(quoteLiteral(value)).toBe(expected);
    expect(inlineSql(sql`select 5 -${-1}`)).toBe("select 5 -(-1)");
  });

  it.each([undefined, {}, [1], () => 1, Symbol("x"), new Date(Number.NaN)])(
    "refuses %s in a hole: it would be pasted",
    (hole) => {
      expect(() => sql`select ${1} where day = ${hole as unknown as string}`).toThrow(
        expect.objectContaining({ code: "DEFINITION_INVALID", message: expect.stringContaining("Hole 2") }),
      );
    },
  );

  it("is plain data that goes into a plan", () => {
    const query = sql`select ${2n ** 60n} ${new Date(0)} ${identifier("a")}`;
    expect(isSql(query)).toBe(true);
    expect(isSql("select 1")).toBe(false);
    const described = describeSql(query);
    expect(JSON.parse(JSON.stringify(described))).toEqual(described);
    expect(described).toMatchObject({ values: ["1152921504606846976", "1970-01-01T00:00:00.000Z", { path: ["a"] }] });
  });
});

describe("sql, as the engine reads it", () => {
  let session: Session;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "sluice-sql-"));
    session = await openSession({ temporaryFolder: folder });
  });
  afterAll(() => {
    session?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const nasty = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string(),
    fc
      .array(
        fc.constantFrom(
          "'",
          "''",
          '"',
          "\\",
          "--",
          "/*",
          "*/",
          ";",
          "$1",
          "?",
          "\0",
          "\n",
          "ä",
          "漢",
          "😀",
          "%",
          "{",
          "E'",
        ),
        { maxLength: 12 },
      )
      .map((parts) => parts.join("")),
  );

  it("gives the same text bound and written out, whatever it contains", async () => {
    await fc.assert(
      fc.asyncProperty(nasty, nasty, async (one, other) => {
        const query = sql`select ${one} as one, ${sql`concat(${one}, ${other})`} as joined, ${other} = ${other} as same`;
        const { text, values } = renderSql(query, dollar);
        const bound = await session.rows(text, values);
        expect(await session.rows(inlineSql(query))).toEqual(bound);
        // Text travels as UTF-8, where half a surrogate pair can't be written.
        const [first, second] = [one.toWellFormed(), other.toWellFormed()];
        expect(bound).toEqual([{ one: first, joined: first + second, same: true }]);
      }),
      { numRuns: 200 },
    );
  });

  it("reads numbers as what they are, bound and written out", async () => {
    // The binding of the engine can't take a whole number beyond 64 bits as a number.
    const double = fc.double().filter((value) => !Number.isInteger(value) || Number.isSafeInteger(value));
    const numbers = fc.oneof(
      double,
      fc.integer(),
      fc.bigInt({ min: -(2n ** 126n), max: 2n ** 126n }),
      fc.boolean(),
      fc.constant(null),
    );
    await fc.assert(
      fc.asyncProperty(numbers, async (value) => {
        const query = sql`${value}`;
        const { text, values } = renderSql(query, dollar);
        expect(await session.rows(`select ${inlineSql(query)} is not distinct from ${text} as same`, values)).toEqual([
          { same: true },
        ]);
      }),
      { numRuns: 300 },
    );
    expect(
      await session.rows(inlineSql(sql`select 5 -${-1} as a, 5 -${-1n} as b, 5 -${-0.5} as c, ${0.1} + ${0.2} as d`)),
    ).toEqual([{ a: 6, b: 6, c: 5.5, d: 0.1 + 0.2 }]);
  });

  it("finds a column by its quoted name, whatever it is called", async () => {
    await fc.assert(
      fc.asyncProperty(
        nasty.filter((name) => name !== "" && !name.includes("\0") && name.isWellFormed()),
        async (name) => {
          expect(
            await session.rows(
              `select ${quoteIdentifier("t", name)} as found from (select 7 as ${quoteIdentifier(name)}) t`,
            ),
          ).toEqual([{ found: 7 }]);
        },
      ),
      { numRuns: 100 },
    );
  });
});
