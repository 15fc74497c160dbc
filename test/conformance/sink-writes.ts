// The cases of the write dispositions that match rows by key, for the sinks that can do them; then random histories of loads,
// held against a model in memory.
import fc from "fast-check";
import { expect, it } from "vitest";
import type { LoadRequest, Table } from "../../src/connect/sink.ts";
import {
  merge,
  retain,
  writeName,
  type WriteDisposition,
  type WriteName,
} from "../../src/connect/write-disposition.ts";
import type { Dataset } from "../../src/dataset/dataset.ts";
import { historiesOf, modelOf, rowsSql, seenIn } from "./sink-model.ts";
import type { SinkHarness } from "./sink.ts";

interface WriteTools {
  readonly harness: SinkHarness;
  readonly dataset: (query: string) => Promise<Dataset>;
  readonly load: (
    table: Table,
    data: Dataset,
    write: WriteDisposition,
    request?: Partial<LoadRequest>,
  ) => Promise<{ readonly loaded: number }>;
}

/** Rows of (id, label, note), as text, in order of the first column. */
async function rowsOf({ harness }: WriteTools, table: Table, columns = ["id", "label"]): Promise<string[]> {
  const rows = await harness.rows(table);
  return rows.map((row) => columns.map((name) => String(row[name] ?? "-")).join(" ")).sort();
}

export function testWrites(writes: readonly WriteName[], tools: () => WriteTools): void {
  const when = (name: WriteName, title: string, work: (tools: WriteTools, table: Table) => Promise<void>): void => {
    if (writes.includes(name)) it(`${name}: ${title}`, () => work(tools(), tools().harness.table("people")));
  };
  const values = ({ dataset }: WriteTools, rows: string, columns: string): Promise<Dataset> =>
    dataset(`SELECT * FROM (VALUES ${rows}) AS t(${columns})`);

  when("upsert", "rows of a known key take their place, others are added", async (given, table) => {
    expect(await given.load(table, await values(given, "(1, 'a'), (2, 'b')", "id, label"), merge("id"))).toEqual({
      loaded: 2,
    });
    expect(await given.load(table, await values(given, "(2, 'B'), (3, NULL)", "id, label"), merge("id"))).toEqual({
      loaded: 2,
    });
    expect(await rowsOf(given, table)).toEqual(["1 a", "2 B", "3 -"]);
  });

  when("upsert", "columns that aren't loaded keep their values", async (given, table) => {
    await given.load(table, await values(given, "(1, 'a', 'x')", "id, label, note"), merge("id"));
    await given.load(table, await values(given, "(1, 'A'), (2, 'B')", "id, label"), merge("id"));
    expect(await rowsOf(given, table, ["id", "label", "note"])).toEqual(["1 A x", "2 B -"]);
  });

  when("upsert", "of repeats the last counts, or the one with the greatest `latest`", async (given, table) => {
    const rows = "(1, 'old', 5), (1, 'new', 7), (1, 'late', 6), (1, 'undated', NULL), (2, 'x', 1), (2, 'y', 1)";
    const data = await values(given, rows, "id, label, v");
    expect(await given.load(table, data, merge("id", { latest: "v" }))).toEqual({ loaded: 2 });
    expect(await rowsOf(given, table)).toEqual(["1 new", "2 y"]);
    await given.load(table, data, merge("id"));
    expect(await rowsOf(given, table)).toEqual(["1 undated", "2 y"]);
  });

  when("upsert", "rows marked deleted go, unless a later one of their key isn't", async (given, table) => {
    await given.load(table, await values(given, "(1, 'a'), (2, 'b'), (3, 'c')", "id, label"), merge("id"));
    const rows = "(1, 'a', 1, true), (2, 'b', 1, true), (2, 'B', 2, false), (3, 'C', 1, NULL), (9, 'z', 1, true)";
    const data = await values(given, rows, "id, label, v, gone");
    expect(await given.load(table, data, merge("id", { latest: "v", deleted: "gone" }))).toEqual({ loaded: 2 });
    expect(await rowsOf(given, table)).toEqual(["2 B", "3 C"]);
    expect(Object.keys((await given.harness.rows(table))[0]!)).not.toContain("gone");
  });

  when("upsert", "a key may have several columns, each of any kind", async (given, table) => {
    const key = ["id", "name", "price", "at", "day", "tag"];
    const row = (id: string, name: string, label: string): string =>
      `SELECT ${id}::BIGINT AS id, '${name}' AS name, 12345678901234567890.12345678::DECIMAL(28,8) AS price,
         TIMESTAMPTZ '2011-01-04 10:00:00.123456+00' AS at, DATE '2011-01-04' AS day,
         'a1b2c3d4-0000-4000-8000-000000000001'::UUID AS tag, '${label}' AS label`;
    const [big, name] = ["9007199254740993", "Ünï ''x''"];
    await given.load(
      table,
      await given.dataset(`${row(big, name, "a")} UNION ALL ${row("9007199254740992", name, "b")}`),
      merge(key),
    );
    await given.load(
      table,
      await given.dataset(`${row(big, name, "A")} UNION ALL ${row(big, "ünï ''x''", "c")}`),
      merge(key),
    );
    expect(await rowsOf(given, table, ["id", "label"])).toEqual(["9007199254740992 b", `${big} A`, `${big} c`]);
  });

  when("upsert", "keys that differ only by case or by spaces at the end are different keys", async (given, table) => {
    await given.load(table, await values(given, "('a', 1), ('A', 2), ('a ', 3), ('', 4)", "id, label"), merge("id"));
    expect(await given.load(table, await values(given, "('A', 5)", "id, label"), merge("id"))).toEqual({ loaded: 1 });
    expect(await rowsOf(given, table)).toEqual([" 4", "A 5", "a  3", "a 1"]);
  });

  when("upsert", "a changed row belongs to the partition that brought it", async (given, table) => {
    if (!writes.includes("replace-partition")) return;
    await given.load(table, await values(given, "(1, 'a'), (2, 'b')", "id, label"), merge("id"), { partition: "d1" });
    await given.load(table, await values(given, "(2, 'B')", "id, label"), merge("id"), { partition: "d2" });
    await given.load(table, await values(given, "(7, 'x')", "id, label"), "replace-partition", { partition: "d2" });
    expect(await rowsOf(given, table)).toEqual(["1 a", "7 x"]);
    await given.load(table, await values(given, "(8, 'y')", "id, label"), "replace-partition", { partition: "d1" });
    expect(await rowsOf(given, table)).toEqual(["7 x", "8 y"]);
  });

  when("upsert", "several loads at once leave each key once, and lose none", async (given, table) => {
    await given.load(table, await values(given, "(0, 'x')", "id, label"), merge("id"));
    const data = await Promise.all(
      ["a", "b", "c"].map((label, index) => values(given, `(0, '${label}'), (${index + 1}, '${label}')`, "id, label")),
    );
    await Promise.all(data.map((rows, index) => given.load(table, rows, merge("id"), { partition: `p${index}` })));
    const seen = await rowsOf(given, table);
    expect(seen.slice(1)).toEqual(["1 a", "2 b", "3 c"]);
    expect(["0 a", "0 b", "0 c"]).toContain(seen[0]);
  });

  when("delete-insert", "all rows of the keys go, all that are loaded come", async (given, table) => {
    const write = merge("id", { strategy: "delete-insert" });
    await given.load(table, await values(given, "(1, 'a'), (1, 'b'), (2, 'c')", "id, label"), write);
    expect(await given.load(table, await values(given, "(1, 'x'), (1, 'x'), (3, 'y')", "id, label"), write)).toEqual({
      loaded: 3,
    });
    expect(await rowsOf(given, table)).toEqual(["1 x", "1 x", "2 c", "3 y"]);
    const gone = merge("id", { strategy: "delete-insert", deleted: "gone" });
    await given.load(
      table,
      await values(given, "(1, 'z', false), (1, 'q', true), (2, 'c', true)", "id, label, gone"),
      gone,
    );
    expect(await rowsOf(given, table)).toEqual(["1 z", "3 y"]);
  });

  when("insert-only", "rows of a known key are left out", async (given, table) => {
    const write = merge("id", { strategy: "insert-only", latest: "v" });
    await given.load(table, await values(given, "(1, 'a', 1)", "id, label, v"), write);
    await given.load(table, await values(given, "(1, 'A', 9), (2, 'b', 2), (2, 'c', 1)", "id, label, v"), write);
    expect(await rowsOf(given, table)).toEqual(["1 a", "2 b"]);
  });

  const [first, second, third] = [Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 2), Date.UTC(2026, 0, 3)];
  const history = async ({ harness }: WriteTools, table: Table): Promise<string[]> =>
    seenIn(await harness.rows(table), ["id", "label"], true);

  when(
    "scd2",
    "unchanged rows stay, changed ones are closed and begin anew, deleted ones are closed",
    async (given, table) => {
      const write = merge("id", { strategy: "scd2", deleted: "gone" });
      const load = async (rows: string, at: number): Promise<unknown> =>
        given.load(table, await values(given, rows, "id, label, gone"), write, { at });
      await load("(1, 'a', false), (2, 'b', false), (3, NULL, false)", first);
      await load("(1, 'a', false), (2, 'B', false), (3, NULL, true), (4, 'd', false), (5, 'e', true)", second);
      await load("(3, 'c', false)", third);
      const [a, b, c] = [String(first), String(second), String(third)];
      expect(await history(given, table)).toEqual(
        [`1 a ${a} -`, `2 b ${a} ${b}`, `2 B ${b} -`, `3 - ${a} ${b}`, `3 c ${c} -`, `4 d ${b} -`].sort(),
      );
    },
  );

  when("scd2", "what is absent stays, or is closed where the load is the whole", async (given, table) => {
    const [keep, close] = [merge("id", { strategy: "scd2" }), merge("id", { strategy: "scd2", absent: "close" })];
    await given.load(table, await values(given, "(1, 'a'), (2, 'b')", "id, label"), keep, { at: first });
    await given.load(table, await values(given, "(3, 'c')", "id, label"), keep, { at: second });
    await given.load(table, await values(given, "(1, 'a')", "id, label"), close, { at: third });
    const [a, b, c] = [String(first), String(second), String(third)];
    expect(await history(given, table)).toEqual([`1 a ${a} -`, `2 b ${a} ${c}`, `3 c ${b} ${c}`]);
  });

  when("scd2", "a clock that goes back closes no row before it began", async (given, table) => {
    const write = merge("id", { strategy: "scd2" });
    await given.load(table, await values(given, "(1, 'a')", "id, label"), write, { at: second });
    await given.load(table, await values(given, "(1, 'b')", "id, label"), write, { at: first });
    expect(await history(given, table)).toEqual([`1 a ${second} ${second}`, `1 b ${second} -`]);
  });

  when("scd2", "rows that were there before history was kept count as current", async (given, table) => {
    await given.load(table, await values(given, "(1, 'a'), (2, 'b')", "id, label"), "append");
    await given.load(table, await values(given, "(1, 'A')", "id, label"), merge("id", { strategy: "scd2" }), {
      at: first,
    });
    expect(await history(given, table)).toEqual([`1 A ${first} -`, `1 a - ${first}`, "2 b - -"]);
    await expect(given.load(table, await values(given, "(1, 'x')", "id, label"), "append")).rejects.toMatchObject({
      code: "SINK_SCHEMA",
    });
  });

  when("retain", "deletes the rows whose key isn't in the list, and no others", async (given, table) => {
    await given.load(table, await values(given, "(1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')", "id, label"), "append");
    const keys = await values(given, "(1), (3), (4), (77)", "id");
    expect(await given.load(table, keys, retain("id"))).toEqual({ loaded: 3 });
    expect(await rowsOf(given, table)).toEqual(["1 a", "3 c", "4 d"]);
    expect(await given.load(given.harness.table("nowhere"), keys, retain("id"))).toEqual({ loaded: 0 });
  });

  when("retain", "refuses to delete more than it may", async (given, table) => {
    await given.load(table, await values(given, "(1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')", "id, label"), "append");
    const one = await values(given, "(1)", "id");
    await expect(given.load(table, one, retain("id"), { loadKey: "few" })).rejects.toMatchObject({
      code: "SINK_REFUSED",
    });
    const none: Dataset = { ...one, rows: 0, files: [], bytes: 0 };
    await expect(given.load(table, none, retain("id", { maxDeleted: 0.99 }))).rejects.toMatchObject({
      code: "SINK_REFUSED",
    });
    expect((await rowsOf(given, table)).length).toBe(4);
    expect(await given.load(table, one, retain("id", { maxDeleted: 0.75 }), { loadKey: "few" })).toEqual({ loaded: 1 });
    expect(await rowsOf(given, table)).toEqual(["1 a"]);
  });

  const byKey: readonly WriteDisposition[] = [
    merge("id"),
    merge("id", { strategy: "delete-insert" }),
    merge("id", { strategy: "insert-only" }),
    merge("id", { strategy: "scd2" }),
    retain("id"),
  ];
  for (const write of byKey) {
    const name = writeName(write);
    when(name, "a row without its key refuses the load, which writes nothing", async (given, table) => {
      await given.load(table, await values(given, "(1, 'a')", "id, label"), "append");
      const reader = {
        table: `${table.connection.name}.people`,
        reader: "r",
        from: null,
        to: { at: 1 },
        repeats: false,
      };
      const data = await values(given, "(2, 'b'), (NULL, 'c')", "id, label");
      const error = await given.load(table, data, write, { positions: [reader] }).then(
        () => undefined,
        (thrown: unknown) => thrown as Error,
      );
      expect(error).toMatchObject({ code: "SINK_KEY" });
      expect(error!.message).toContain('"id"');
      expect(await rowsOf(given, table)).toEqual(["1 a"]);
      expect(await given.harness.adapter.position(table, "r", given.harness.context)).toBe(null);
    });

    when(name, "a key that the rows don't have refuses the load in one line", async (given, table) => {
      const error = await given.load(table, await values(given, "(2, 'b')", "nr, label"), write).then(
        () => undefined,
        (thrown: unknown) => thrown as Error,
      );
      expect(error).toMatchObject({ code: "SINK_SCHEMA" });
      expect(error!.message).toMatch(/no column "id"/);
    });

    when(name, "under the same load key it happens once, and an overtaken one not at all", async (given, table) => {
      const [a, b] = [
        await values(given, "(1, 'a'), (2, 'b')", "id, label"),
        await values(given, "(1, 'A'), (2, 'b')", "id, label"),
      ];
      await given.load(table, a, "append", { fence: 5 });
      const before = await given.load(table, b, write, { loadKey: "k", fence: 6 });
      const seen = seenIn(await given.harness.rows(table), ["id", "label"], true);
      expect(await given.load(table, b, write, { loadKey: "k", fence: 7 })).toEqual(before);
      await expect(given.load(table, a, write, { fence: 6 })).rejects.toMatchObject({ code: "FENCED" });
      expect(seenIn(await given.harness.rows(table), ["id", "label"], true)).toEqual(seen);
    });

    when(name, "stores positions with its rows", async (given, table) => {
      const position = {
        table: `${table.connection.name}.people`,
        reader: "r",
        from: null,
        to: { at: 1 },
        repeats: true,
      };
      await given.load(table, await values(given, "(1, 'a')", "id, label"), write, { positions: [position] });
      expect(await given.harness.adapter.position(table, "r", given.harness.context)).toEqual({ at: 1 });
    });
  }

  it("any history of loads leaves what the model says", { timeout: 120_000 }, async () => {
    const given = tools();
    expect(given.harness.adapter.capabilities.writes).toEqual(writes);
    let run = 0;
    await fc.assert(
      fc.asyncProperty(historiesOf(writes), async (loads) => {
        const table = given.harness.table(`history_${(run += 1)}`);
        const model = modelOf();
        for (const load of loads) {
          const expected = model.load(load);
          const data = await given.dataset(rowsSql(load));
          const got = await given.load(table, data, load.write, { partition: load.partition, at: load.at }).then(
            ({ loaded }) => loaded,
            (error: unknown) => (error as { code?: string }).code ?? String(error),
          );
          expect(got).toEqual(expected);
        }
        expect(seenIn(await given.harness.rows(table), ["k", "n", "v"], model.keepsHistory())).toEqual(model.rows());
      }),
      { numRuns: 12, seed: 20_260_131 },
    );
  });
}
