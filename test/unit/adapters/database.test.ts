import { fork } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDatabase, type Database } from "../../../src/adapters/sqlite/database.ts";

const migrations = ["CREATE TABLE items (n INTEGER PRIMARY KEY) STRICT"];
const numbers = (database: Database): number[] =>
  (database.prepare("SELECT n FROM items ORDER BY n").all() as { n: number }[]).map(({ n }) => n);
const add = (database: Database, n: number) => database.prepare("INSERT INTO items VALUES (?)").run(n);
const unusable = (message: string) =>
  expect.objectContaining({
    code: "HOME_UNUSABLE",
    message: expect.stringContaining(message),
    hint: expect.any(String),
  });

describe("a database", () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sluice-database-"));
    path = join(folder, "deep", "state.db");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("takes back all of a transaction that throws, and goes on", () => {
    const database = openDatabase(path, { migrations });
    database.transaction(() => add(database, 1));
    expect(() => database.transaction(() => (add(database, 2), add(database, 1)))).toThrow(/UNIQUE/);
    expect(() =>
      database.transaction(() => {
        add(database, 3);
        throw new Error("mine");
      }),
    ).toThrow("mine");
    expect(numbers(database)).toEqual([1]);
    expect(database.transaction(() => (add(database, 4), "result"))).toBe("result");
    expect(numbers(database)).toEqual([1, 4]);
    database.close();
  });

  it("keeps what was committed when the process is killed, and nothing of what was not", async () => {
    const database = openDatabase(path, { migrations });
    const script = join(folder, "killed.ts");
    writeFileSync(
      script,
      `import { openDatabase } from ${JSON.stringify(new URL("../../../src/adapters/sqlite/database.ts", import.meta.url).href)};
       const database = openDatabase(process.argv[2], { migrations: ${JSON.stringify(migrations)} });
       const add = (n) => database.prepare("INSERT INTO items VALUES (?)").run(n);
       database.transaction(() => add(1));
       database.transaction(() => { add(2); process.kill(process.pid, "SIGKILL"); });`,
    );
    const child = fork(script, [path], { execArgv: ["--disable-warning=ExperimentalWarning"] });
    const signal = await new Promise((resolve) => child.once("exit", (_code, by) => resolve(by)));
    expect(signal).toBe("SIGKILL");
    expect(numbers(database)).toEqual([1]);
    database.close();
  });

  it("shows a snapshot one state, whatever is committed meanwhile", () => {
    const [writer, reader] = [openDatabase(path, { migrations }), openDatabase(path, { migrations, readOnly: true })];
    add(writer, 1);
    const seen = reader.snapshot(() => {
      const before = numbers(reader);
      add(writer, 2);
      return [before, numbers(reader)];
    });
    expect(seen).toEqual([[1], [1]]);
    expect(numbers(reader)).toEqual([1, 2]);
    reader.close();
    writer.close();
  });

  it("is brought up to date step by step, each step once", () => {
    openDatabase(path, { migrations }).close();
    const more = [...migrations, "INSERT INTO items VALUES (7)"];
    for (let times = 0; times < 2; times += 1) {
      const database = openDatabase(path, { migrations: more });
      expect(numbers(database)).toEqual([7]);
      database.close();
    }
  });

  it("keeps nothing of a step that fails, and lets go of the file", () => {
    openDatabase(path, { migrations }).close();
    expect(() =>
      openDatabase(path, {
        migrations: [...migrations, "INSERT INTO items VALUES (8); INSERT INTO nowhere VALUES (1)"],
      }),
    ).toThrow(/nowhere/);
    const database = openDatabase(path, { migrations });
    expect(numbers(database)).toEqual([]);
    database.close();
  });

  it("is not touched when a newer version has made it", () => {
    openDatabase(path, { migrations: [...migrations, "CREATE TABLE more (n INTEGER) STRICT"] }).close();
    expect(() => openDatabase(path, { migrations })).toThrow(unusable("a newer version of Sluice"));
    expect(() => openDatabase(path, { migrations, readOnly: true })).toThrow(unusable("a newer version of Sluice"));
  });

  it("is not read before it was brought up to date", () => {
    openDatabase(path, { migrations }).close();
    expect(() =>
      openDatabase(path, { migrations: [...migrations, "CREATE TABLE more (n INTEGER) STRICT"], readOnly: true }),
    ).toThrow(unusable("an older version of Sluice"));
  });

  it("is written by one at a time: the other waits, and then says that it is locked", () => {
    const [one, other] = [openDatabase(path, { migrations }), openDatabase(path, { migrations, busyTimeout: 20 })];
    expect(() => one.transaction(() => other.transaction(() => add(other, 1)))).toThrow(/locked/);
    other.transaction(() => add(other, 2));
    expect(numbers(one)).toEqual([2]);
    one.close();
    other.close();
  });

  it("is not made by who only wants to read it", () => {
    expect(() => openDatabase(path, { migrations, readOnly: true })).toThrow(unusable(`There is no ${path}`));
    expect(() => openDatabase(path, { migrations, readOnly: true })).toThrow(
      expect.objectContaining({ hint: expect.stringContaining("first run") }),
    );
  });

  it("can't be a folder, or a file of something else", () => {
    mkdirSync(path, { recursive: true });
    expect(() => openDatabase(path, { migrations })).toThrow(unusable("can't be opened"));
    const text = join(folder, "text");
    writeFileSync(text, "this is not a database, and long enough to have been one. ".repeat(20));
    expect(() => openDatabase(text, { migrations })).toThrow(unusable("not a database"));
    // A file where a folder is needed; the word "full" in a path is no full disk.
    expect(() => openDatabase(join(text, "full", "state.db"), { migrations })).toThrow(unusable("can't be opened"));
  });

  it("waits for every commit until it is on the disk, and lets others read meanwhile", () => {
    const database = openDatabase(path, { migrations });
    expect(database.prepare("PRAGMA synchronous").get()).toEqual({ synchronous: 2 });
    expect(database.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
    const reader = new DatabaseSync(path, { readOnly: true });
    database.transaction(() => {
      add(database, 1);
      expect(reader.prepare("SELECT count(*) AS n FROM items").get()).toEqual({ n: 0 });
    });
    expect(reader.prepare("SELECT count(*) AS n FROM items").get()).toEqual({ n: 1 });
    reader.close();
    database.close();
  });
});
