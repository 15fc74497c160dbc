// Ctrl-C in the middle of a backfill: it stops in good order, says where it stands, and the same command finishes the rest.
import type { ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { sluice, sluiceJson, type BackfillJson, type RunJson } from "./command.ts";
import { configWithWarehouse, scratchProject, type ScratchProject } from "./scratch-project.ts";

/** Each execution adds a line to a file of its day, so that one sees which days were done twice. */
const pipeline = `
  import { appendFileSync, existsSync } from "node:fs";
  import { daily, pipeline, task } from "sluice";
  export default pipeline("days", { partitions: daily({ from: "2011-01-01" }) }, ({ step, partition }) => {
    const first = step("first", task((_inputs, { folder }) => appendFileSync(folder + "/day-" + partition.key, "first\\n")));
    step("second", task({ first }, async (_inputs, { folder, signal }) => {
      // From the fourth day on, the first time, it takes longer than anyone waits.
      for (let tenths = 0; partition.key > "2011-01-03" && !existsSync(folder + "/hurry") && tenths < 600; tenths += 1) {
        signal.throwIfAborted();
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      appendFileSync(folder + "/day-" + partition.key, "second\\n");
    }));
  });`;

const range = ["backfill", "days", "--from", "2011-01-01", "--to", "2011-01-08", "--parallel", "2"];

let project: ScratchProject | null = null;
afterEach(() => {
  project?.remove();
  project = null;
});

describe("an interrupt", () => {
  it.each([
    ["the command alone, as `kill -INT` does", (child: ChildProcess) => child.kill("SIGINT")],
    ["the whole process group, as Ctrl-C does", (child: ChildProcess) => process.kill(-child.pid!, "SIGINT")],
  ])("of %s ends a backfill with 130 and a line that says how to go on", async (_title, interrupt) => {
    project = scratchProject({ "sluice.config.ts": configWithWarehouse, "pipelines/days.ts": pipeline });
    const { folder } = project;
    const options = { cwd: folder, env: { SLUICE_HOME: join(folder, ".sluice") } };
    const linesOf = (day: string): string[] =>
      existsSync(join(folder, `day-${day}`))
        ? readFileSync(join(folder, `day-${day}`), "utf8")
            .trim()
            .split("\n")
        : [];

    let child: ChildProcess | null = null;
    const running = sluice(range, { ...options, onStart: (process) => (child = process) });
    // Three days are through, two are under way.
    await expect
      .poll(() => linesOf("2011-01-03").length === 2 && linesOf("2011-01-05").length === 1, { timeout: 30_000 })
      .toBe(true);
    interrupt(child!);
    const stopped = await running;
    expect([stopped.code, stopped.signal]).toEqual([130, null]);
    expect(stopped.stderr).toContain("stopping cleanly; interrupt again to stop at once");
    const errors = stopped.stderr.split("\n").filter((line) => line.startsWith("error"));
    expect(errors).toEqual([
      "error: The backfill was interrupted; 3 of 8 partitions have succeeded. The same command, given again, finishes the rest.",
    ]);
    expect(stopped.stderr).not.toMatch(/^\s+at /m);
    // Nothing goes on in secret, and nobody holds the state folder.
    expect(existsSync(join(folder, ".sluice/lock.json"))).toBe(false);
    const runs = await sluiceJson<{ status: string }[]>(["runs"], options);
    expect(new Set(runs.map((run) => run.status))).toEqual(new Set(["succeeded", "cancelled"]));

    project.write("hurry", "");
    const again = await sluiceJson<BackfillJson>(range, options);
    expect(again.backfill.status).toBe("succeeded");
    expect(again.runs.map((run) => [run.run.partition, run.run.status])).toEqual(
      Array.from({ length: 8 }, (_, day) => [`2011-01-0${day + 1}`, "succeeded"]),
    );
    // What had succeeded was left alone; every day came to its end once.
    for (const day of ["2011-01-01", "2011-01-02", "2011-01-03"]) expect(linesOf(day)).toEqual(["first", "second"]);
    const days = readdirSync(folder).filter((name) => name.startsWith("day-"));
    expect(days).toHaveLength(8);
    for (const day of days) expect(linesOf(day.slice(4)).filter((line) => line === "second")).toHaveLength(1);
  });

  it("of a single run ends it with 130, too, and the same command does it", async () => {
    project = scratchProject({ "sluice.config.ts": configWithWarehouse, "pipelines/days.ts": pipeline });
    const { folder } = project;
    const options = { cwd: folder, env: { SLUICE_HOME: join(folder, ".sluice") } };
    const command = ["run", "days", "--partition", "2011-01-05"];
    let child: ChildProcess | null = null;
    const running = sluice([...command, "--json"], { ...options, onStart: (process) => (child = process) });
    await expect.poll(() => existsSync(join(folder, "day-2011-01-05")), { timeout: 30_000 }).toBe(true);
    process.kill(-child!.pid!, "SIGINT");
    const stopped = await running;
    expect(stopped.code).toBe(130);
    expect(JSON.parse(stopped.stdout)).toMatchObject({ run: { status: "cancelled" } });
    expect(JSON.parse(stopped.stderr.trimEnd().split("\n").at(-1)!)).toMatchObject({ error: { code: "CANCELLED" } });
    project.write("hurry", "");
    expect((await sluiceJson<RunJson>(command, options)).run.status).toBe("succeeded");
  });
});
