// Bad input, as a user meets it: one clear line that says what is wrong, where, and what to do; the right exit code;
// nothing half-written.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { killGroup, sluice, sluiceJson, type CommandResult, type RunJson } from "./command.ts";
import {
  configWithWarehouse,
  eventsPipeline,
  eventsProject,
  scratchProject,
  type ScratchProject,
} from "./scratch-project.ts";

let project: ScratchProject | null = null;
afterEach(() => {
  project?.remove();
  project = null;
});

const run = (folder: string, env: Record<string, string> = {}): Promise<CommandResult> =>
  sluice(["run", "events"], { cwd: folder, env: { SLUICE_HOME: join(folder, ".sluice"), ...env } });

/** The lines on stderr that tell of the error; there must be exactly one. */
function errorLine(result: CommandResult): string {
  const lines = result.stderr.split("\n").filter((line) => line.startsWith("error"));
  expect(lines, result.stderr).toHaveLength(1);
  expect(result.stderr).not.toMatch(/^\s+at /m);
  return lines[0]!;
}

/** No table, and no file that is still in the making. */
async function expectNothingWritten(folder: string): Promise<void> {
  const temporary = join(folder, ".sluice/tmp");
  expect(existsSync(temporary) ? readdirSync(temporary) : []).toEqual([]);
  const query = await sluice(["query", "select * from warehouse.events"], {
    cwd: folder,
    env: { SLUICE_HOME: join(folder, ".sluice") },
  });
  expect(query.code).toBe(5);
}

describe("a CSV file that is not as declared", () => {
  it("names a missing column and what the file has", async () => {
    project = eventsProject("user_id,price\nu1,5\n");
    const result = await run(project.folder);
    expect(errorLine(result)).toMatch(/events\.csv\.gz.*"amount".*"user_id", "price"/);
    expect(result.code).toBe(1);
    await expectNothingWritten(project.folder);
  });

  it("says which column a renamed one probably is", async () => {
    project = eventsProject("userId,amount\nu1,5\n");
    const result = await run(project.folder);
    expect(errorLine(result)).toMatch(/user_id.*userId/);
    expect(result.code).toBe(1);
    await expectNothingWritten(project.folder);
  });

  it("does not take a truncated gzip for a shorter file", async () => {
    const rows = Array.from({ length: 5_000 }, (_, row) => `user${(row * 7919) % 5003},${row + 1}.25`);
    const whole = gzipSync(`user_id,amount\n${rows.join("\n")}\n`);
    project = eventsProject("");
    project.write("data/events.csv.gz", whole.subarray(0, whole.length - 200));
    const result = await run(project.folder);
    expect(errorLine(result)).toMatch(/events\.csv\.gz.*(truncated|ends too early|incomplete|unexpected end)/i);
    expect(result.code).toBe(1);
    await expectNothingWritten(project.folder);
  });

  it("names the file when its text is not UTF-8", async () => {
    project = eventsProject(
      Buffer.concat([Buffer.from("user_id,amount\nu"), Buffer.from([0xff, 0xfe, 0xc3]), Buffer.from(",5\n")]),
    );
    const result = await run(project.folder);
    expect(errorLine(result)).toMatch(/events\.csv\.gz.*(UTF-8|encod)/i);
    expect(result.code).toBe(1);
    await expectNothingWritten(project.folder);
  });

  it("loads a line of 10 MB whole", async () => {
    project = eventsProject(`user_id,amount\n${"x".repeat(10_000_000)},5\nu2,6\n`);
    const { folder } = project;
    const result = await run(folder);
    expect(result.code, result.stderr).toBe(0);
    const rows = await sluiceJson(
      ["query", "select max(length(user_id)) as longest, count(*) as n from warehouse.events"],
      {
        cwd: folder,
        env: { SLUICE_HOME: join(folder, ".sluice") },
      },
    );
    expect(rows).toEqual([{ longest: 10_000_000, n: 2 }]);
  });

  it("takes a header without rows as no rows", async () => {
    project = eventsProject("user_id,amount\n");
    const result = await sluiceJson<RunJson>(["run", "events"], {
      cwd: project.folder,
      env: { SLUICE_HOME: join(project.folder, ".sluice") },
    });
    expect(result.steps.map((step) => step.rows)).toEqual(
      [1, 2, 3].map(() => ({ in: 0, out: 0, duplicate: 0, quarantined: 0 })),
    );
  });
});

describe("a project that can't be loaded", () => {
  const cases: readonly [string, Record<string, string>, RegExp][] = [
    [
      "says where the config does not parse",
      { "sluice.config.ts": "export default {\n  a: ;\n" },
      /sluice\.config\.ts:2/,
    ],
    [
      "explains TypeScript that Node can't strip",
      { "sluice.config.ts": configWithWarehouse, "pipelines/events.ts": `enum Kind { A }\n${eventsPipeline}` },
      /pipelines\/events\.ts:1.*enum.*union of strings/i,
    ],
    [
      "lists the connections there are when an unknown one is used",
      {
        "sluice.config.ts": configWithWarehouse.replace("{ warehouse } =", "{ warehose: warehouse } ="),
        "pipelines/events.ts": eventsPipeline,
      },
      /"warehose".*warehouse/,
    ],
    [
      "refuses a handle that was made by hand, so that no cycle can be written",
      {
        "sluice.config.ts": configWithWarehouse,
        "pipelines/events.ts": `import { pipeline, task } from "sluice";
          export default pipeline("events", ({ step }) => {
            step("a", task({ b: { step: "b" } as never }, () => 1));
            step("b", task(() => 2));
          });`,
      },
      /"a".*"events".*handle/,
    ],
    [
      "names both files of two pipelines with one name",
      {
        "sluice.config.ts": configWithWarehouse,
        "pipelines/events.ts": eventsPipeline,
        "pipelines/other.ts": eventsPipeline,
      },
      /"events".*pipelines\/events\.ts.*pipelines\/other\.ts/,
    ],
    [
      "says that a config without default export is none",
      { "sluice.config.ts": "export const a = 1;" },
      /sluice\.config\.ts.*default export/,
    ],
  ];
  it.each(cases)("%s", async (_title, files, line) => {
    project = scratchProject(files);
    const result = await run(project.folder);
    expect(errorLine(result)).toMatch(line);
    expect(result.code).toBe(3);
  });

  it("names a missing environment variable, where it is needed", async () => {
    project = scratchProject({
      "sluice.config.ts": `
        import { defineConfig, env } from "sluice";
        import { postgres } from "sluice/connect";
        export default defineConfig({ connections: { app: postgres(env("SLUICE_TEST_ABSENT_URL")) } });`,
      "pipelines/events.ts": `
        import { extract, pipeline, sql } from "sluice";
        import config from "../sluice.config.ts";
        export default pipeline("events", ({ step }) => { step("rows", extract(config.connections.app.query(sql\`select 1 as a\`))); });`,
    });
    const result = await run(project.folder);
    expect(errorLine(result)).toMatch(/SLUICE_TEST_ABSENT_URL.*export SLUICE_TEST_ABSENT_URL/);
    expect(result.code).toBe(3);
  });

  it("says how to begin where there is no project", async () => {
    const result = await sluice(["run", "events"], { cwd: "/" });
    expect(errorLine(result)).toMatch(/sluice\.config\.ts.*sluice init/);
    expect(result.code).toBe(3);
  });
});

describe("wrong commands", () => {
  it.each([
    [["run", "evnts"], 5, /"evnts".*events/],
    [["run", "events", "--partition", "2011-01-04"], 2, /no partitions/],
    [["run"], 2, /pipeline/],
    [["rum", "events"], 2, /run/],
    [["backfill", "events", "--from", "2011-01-01", "--to", "2011-01-02"], 2, /no partitions/],
    [["why", "nothing-like-this"], 5, /nothing-like-this/],
    [["query", "delete from warehouse.events"], 2, /read/i],
    [["query", "select * from nowhere.events"], 3, /nowhere.*warehouse/],
    [["search", "docs", "anything"], 5, /docs/],
    [["features", "get", "nobody", "1"], 5, /nobody/],
  ])("sluice %j ends with %i", async (args, code, line) => {
    project = eventsProject("user_id,amount\nu1,5\n");
    const result = await sluice(args, { cwd: project.folder, env: { SLUICE_HOME: join(project.folder, ".sluice") } });
    expect(errorLine(result)).toMatch(line);
    expect(result.code).toBe(code);
  });
});

describe("two sluice processes on one home", () => {
  it("tells a second scheduler who works there, has the first do what others ask for, and lets readers in", async () => {
    project = scratchProject({
      "sluice.config.ts": configWithWarehouse,
      "pipelines/events.ts": `
        import { pipeline, task } from "sluice";
        import { writeFileSync } from "node:fs";
        export default pipeline("events", ({ step }) => {
          step("slow", task(async (_inputs, { folder }) => {
            writeFileSync(folder + "/started", "");
            await new Promise((resolve) => setTimeout(resolve, 60_000));
          }));
        });`,
    });
    const { folder } = project;
    const env = { SLUICE_HOME: join(folder, ".sluice") };
    let first: Parameters<typeof killGroup>[0] | null = null;
    const running = sluice(["run", "events"], { cwd: folder, env, onStart: (child) => (first = child) });
    await expect.poll(() => existsSync(join(folder, "started")), { timeout: 30_000 }).toBe(true);
    const second = await sluice(["serve", "--port", "0"], { cwd: folder, env });
    expect(errorLine(second)).toMatch(/Another sluice process.*process \d+: sluice run events.*--read-only/);
    expect(second.code).toBe(1);
    const reading = await sluice(["runs", "--json"], { cwd: folder, env });
    expect(JSON.parse(reading.stdout)).toMatchObject([{ pipeline: "events", status: "running" }]);
    const { id } = (JSON.parse(reading.stdout) as { id: string }[])[0]!;
    const cancelled = await sluice(["cancel", id, "--json"], { cwd: folder, env });
    expect(cancelled.code, cancelled.stderr).toBe(0);
    expect((await running).code).toBe(130);
    killGroup(first!);
  });
});

const canMount = process.getuid?.() === 0 && spawnSync("mount", ["--version"]).status === 0;

describe.skipIf(!canMount)("a disk that can't be written (needs root, to mount one)", () => {
  function withDisk<T>(options: string, work: (folder: string) => Promise<T>): Promise<T> {
    const folder = join(project!.folder, "disk");
    mkdirSync(folder);
    expect(spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder]).status).toBe(0);
    return work(folder).finally(() => spawnSync("umount", ["-l", folder]));
  }

  it("says that the disk is full, keeps nothing half-written, and finishes once there is space", async () => {
    const rows = Array.from(
      { length: 200_000 },
      (_, row) => `user-${(row * 2654435761) % 4294967296}-${row},${row + 1}.${row % 97}`,
    );
    project = eventsProject(`user_id,amount\n${rows.join("\n")}\n`);
    const { folder } = project;
    await withDisk("size=3m", async (disk) => {
      const result = await run(folder, { SLUICE_HOME: disk });
      expect(errorLine(result)).toMatch(/disk is full/i);
      expect(result.code).toBe(1);
      // What a finished step has kept may be there, but only whole: an artifact is named by the hash of its content.
      const left = readdirSync(disk, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".parquet"));
      for (const name of left)
        expect(
          createHash("sha256")
            .update(readFileSync(join(disk, name)))
            .digest("hex"),
        ).toBe(basename(name, ".parquet"));
      expect(readdirSync(join(disk, "tmp"))).toEqual([]);
      expect(spawnSync("mount", ["-o", "remount,size=200m", disk]).status).toBe(0);
      const again = await run(folder, { SLUICE_HOME: disk });
      expect(again.code, again.stderr).toBe(0);
      expect(
        await sluiceJson(["query", "select count(*) n from warehouse.events"], {
          cwd: folder,
          env: { SLUICE_HOME: disk },
        }),
      ).toEqual([{ n: 200_000 }]);
    });
  });

  it("ends a scheduler that can keep nothing any more, so that it is started anew", async () => {
    project = scratchProject({
      "sluice.config.ts": configWithWarehouse,
      "pipelines/ticks.ts": `
        import { pipeline, task } from "sluice";
        export default pipeline("ticks", { schedule: { every: "1s" } }, ({ step }) => { step("tick", task(() => 1)); });`,
    });
    const { folder } = project;
    await withDisk("size=4m", async (disk) => {
      const env = { SLUICE_HOME: disk };
      const serving = sluice(["serve", "--port", "0"], {
        cwd: folder,
        env,
        onStart: (child) => {
          // Whatever is left of the disk is taken by another.
          child.stderr!.once("data", () => {
            expect(() => writeFileSync(join(disk, "fill"), Buffer.alloc(8_000_000))).toThrow("ENOSPC");
          });
        },
      });
      const ended = await serving;
      expect(errorLine(ended)).toMatch(/disk is full/i);
      expect([ended.code, ended.signal]).toEqual([1, null]);
    });
  });

  it("says that the folder can't be written", async () => {
    project = eventsProject("user_id,amount\nu1,5\n");
    const { folder } = project;
    await withDisk("ro", async (disk) => {
      const result = await run(folder, { SLUICE_HOME: join(disk, "home") });
      expect(errorLine(result)).toMatch(/disk\/home.*SLUICE_HOME/);
      expect(result.code).toBe(3);
    });
  });

  it("says so when a file is where the folder should be", async () => {
    project = eventsProject("user_id,amount\nu1,5\n");
    writeFileSync(join(project.folder, "occupied"), "");
    const result = await run(project.folder, { SLUICE_HOME: join(project.folder, "occupied") });
    expect(errorLine(result)).toMatch(/occupied.*SLUICE_HOME/);
    expect(result.code).toBe(3);
  });
});
