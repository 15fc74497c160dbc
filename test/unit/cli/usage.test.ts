import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { exitCodeOf } from "../../../src/cli/exit-codes.ts";
import { commandTable } from "../../../src/cli/main.ts";
import { errorCodes, type ErrorCode } from "../../../src/errors.ts";
import { sluice } from "./project.ts";

const commands = commandTable.map((entry) => entry.path.join(" "));

describe("the command line", () => {
  it.each(commands)("opens the help of %s with an example of it", async (command) => {
    const { code, stdout, stderr } = await sluice([...command.split(" "), "--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(new RegExp(`^Example:\n  \\$ sluice ${command}\\b`));
    expect(stdout).toContain("--json");
    expect((await sluice(["help", ...command.split(" ")])).stdout).toBe(stdout);
  });

  it("opens the help of the whole, and of a group, with an example", async () => {
    for (const args of [["--help"], ["help"], ["quarantine", "--help"], ["features", "--help"]]) {
      const { code, stdout } = await sluice(args);
      expect([code, stdout.slice(0, 18)]).toEqual([0, "Example:\n  $ sluic"]);
    }
  });

  it("lists every command in the help of the whole", async () => {
    const { stdout } = await sluice(["--help"]);
    for (const { path } of commandTable) expect(stdout).toMatch(new RegExp(`^  ${path[0]} `, "m"));
  });

  it("prints its version", async () => {
    expect(await sluice(["--version"])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      stderr: "",
    });
  });

  it.each([
    [["rn"], "unknown command 'rn'. Did you mean run?"],
    [["backfil", "x"], "unknown command 'backfil'. Did you mean backfill?"],
    [["frobnicate"], "unknown command 'frobnicate'. See: sluice --help"],
    [["run"], "missing required argument 'pipeline'. See: sluice run --help"],
    [["run", "a", "b"], "too many arguments for 'run'. Expected 1 argument but got 2: a, b. See: sluice run --help"],
    [["run", "a", "--partion", "x"], "unknown option '--partion'. Did you mean --partition?"],
    [["run", "a", "--partition"], "option '--partition <key>' argument missing. See: sluice run --help"],
    [["mark", "a", "b", "--as", "failed"], "required option '--reason <text>' not specified. See: sluice mark --help"],
    [
      ["backfill", "a"],
      "Which partitions of a to backfill is not said. Give --from and --to, or --partition, or --all.",
    ],
    [
      ["backfill", "a", "--all", "--from", "2026-01-01"],
      "--all can't be given with --from, --to or --partition. Leave it out.",
    ],
    [
      ["backfill", "a", "--all", "--only", "failed", "--reprocess"],
      "--only and --reprocess can't be given together. Say with one of them which partitions are to run.",
    ],
    [
      ["rerun", "a", "--all", "--step", "b"],
      "--step and --all can't be given together. Say with one of them what is to be run again.",
    ],
    [["partitions", "add", "regions"], "missing required argument 'key'. See: sluice partitions add --help"],
    [
      ["backfills", "stop", "b"],
      "too many arguments for 'backfills'. Expected 0 arguments but got 2: stop, b. See: sluice backfills --help",
    ],
    [
      ["runs", "--limit", "0"],
      "option '--limit <n>' argument '0' is invalid. It must be a whole number from 1 up. See: sluice runs --help",
    ],
    [
      ["runs", "--status", "done"],
      "option '--status <status>' argument 'done' is invalid. Allowed choices are running, succeeded, failed, cancelled. See: sluice runs --help",
    ],
    [
      ["serve", "--port", "65536"],
      "option '--port <n>' argument '65536' is invalid. It must be a whole number from 0 to 65535. See: sluice serve --help",
    ],
    [
      ["quarantine"],
      "sluice quarantine needs to know what to do. Use: sluice quarantine list or sluice quarantine show or sluice quarantine export or sluice quarantine replay or sluice quarantine drop.",
    ],
    [
      ["quarantine", "lst"],
      "unknown command 'quarantine lst'. Use: sluice quarantine list or sluice quarantine show or sluice quarantine export or sluice quarantine replay or sluice quarantine drop.",
    ],
    [["quarantine", "list", "--foo"], "unknown option '--foo'. See: sluice quarantine list --help"],
  ])("answers %j with one line and exit code 2", async (args, line) => {
    expect(await sluice(args)).toMatchObject({ code: 2, stdout: "", stderr: `error: ${line}\n` });
  });

  it("shows its help on stderr when nothing is asked, with exit code 2", async () => {
    const { code, stdout, stderr } = await sluice([]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("Usage: sluice");
  });

  it("answers where there is no project with one line and exit code 3", async () => {
    const empty = mkdtempSync(join(tmpdir(), "sluice-empty-"));
    try {
      for (const args of [["run", "a"], ["list"], ["runs"], ["query", "select 1"], ["serve"], ["search", "a", "b"]]) {
        const { code, stdout, stderr } = await sluice(args, { cwd: empty });
        expect([code, stdout]).toEqual([3, ""]);
        expect(stderr).toMatch(/^error: There is no sluice\.config\.ts in .+\. Change to .+\n$/);
      }
      const json = await sluice(["--project", empty, "runs", "--json"]);
      expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: "CONFIG_NOT_FOUND", hint: expect.any(String) } });
      expect(json).toMatchObject({ code: 3, stdout: "" });
    } finally {
      rmSync(empty, { recursive: true });
    }
  });
});

describe("exit codes", () => {
  it("are 1 to 5 or 130 for every error there is", () => {
    const codes = (Object.keys(errorCodes) as ErrorCode[]).map(exitCodeOf);
    expect(new Set(codes)).toEqual(new Set([1, 2, 3, 4, 5, 130]));
  });
});
