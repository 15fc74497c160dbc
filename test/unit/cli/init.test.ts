import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { RunDocument } from "../../../src/monitor/run-view.ts";
import { demoFiles, makeProject, repository, sluice } from "./project.ts";

const version = (JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as { version: string }).version;

describe("sluice init", () => {
  it("makes a whole project in a new folder, named after it, and says what to type next", async () => {
    using parent = makeProject({});
    const result = await sluice(["init", "My Shop/demo", "--json"], { cwd: parent.folder });
    expect(result).toMatchObject({ code: 0, stderr: "" });
    const { files, next } = result.json<{ files: string[]; next: string[] }>();
    expect(parent.files()).toEqual(files.map((path) => `My Shop/demo/${path}`).sort());
    expect(files).toEqual(
      expect.arrayContaining([
        "package.json",
        ".gitignore",
        "README.md",
        "sluice.config.ts",
        "pipelines/orders-daily.ts",
      ]),
    );
    expect(next).toEqual(
      expect.arrayContaining(['cd "My Shop/demo"', "npx sluice run orders_daily --partition 2026-01-05"]),
    );
    expect(JSON.parse(readFileSync(join(parent.folder, "My Shop/demo/package.json"), "utf8"))).toEqual({
      name: "demo",
      version: "0.0.0",
      private: true,
      type: "module",
      dependencies: { sluice: `^${version}`, zod: expect.stringMatching(/^\^?\d/) },
    });
    expect(readFileSync(join(parent.folder, "My Shop/demo/.gitignore"), "utf8")).toContain(".sluice/\n");
  });

  it("fills a folder that is there and empty", async () => {
    using parent = makeProject({});
    mkdirSync(join(parent.folder, "Empty One"));
    expect(await sluice(["init", "."], { cwd: join(parent.folder, "Empty One") })).toMatchObject({
      code: 0,
      stdout: expect.not.stringContaining("cd "),
    });
    expect(JSON.parse(readFileSync(join(parent.folder, "Empty One/package.json"), "utf8"))).toMatchObject({
      name: "empty-one",
    });
  });

  it("leaves alone what is there already", async () => {
    using parent = makeProject({ "full/notes.txt": "mine" });
    writeFileSync(join(parent.folder, "file"), "");
    for (const [name, what] of [
      ["full", "is not empty"],
      ["file", "is a file"],
    ] as const) {
      const { code, stdout, stderr } = await sluice(["init", name], { cwd: parent.folder });
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toMatch(new RegExp(`^error: .+${name} ${what}\\. Name a folder that does not exist yet\\.\n$`));
    }
    expect(parent.files()).toEqual(["file", "full/notes.txt"]);
  });

  it("refuses a template that there is not", async () => {
    expect(await sluice(["init", "x", "--template", "nope"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("Allowed choices are demo."),
    });
    expect(existsSync(join(repository, "x"))).toBe(false);
  });
});

describe("the demo project", () => {
  it("runs: every row of its files is loaded, a repeat, or in quarantine", async () => {
    using project = makeProject(demoFiles());
    const days = readdirSync(join(project.folder, "data/orders"))
      .map((name) => name.slice(0, 10))
      .sort();
    const result = await project.sluice([
      "backfill",
      "orders_daily",
      "--from",
      days[0]!,
      "--to",
      days.at(-1)!,
      "--json",
    ]);
    expect(result.code, result.stderr).toBe(0);
    const rows = result
      .json<{ runs: RunDocument[] }>()
      .runs.map(({ steps }) => steps.find((step) => step.kind === "validate")!.rows);
    expect(rows).toEqual([
      { in: 41, out: 36, duplicate: 1, quarantined: 4 },
      { in: 41, out: 37, duplicate: 1, quarantined: 3 },
      { in: 41, out: 36, duplicate: 1, quarantined: 4 },
      { in: 41, out: 37, duplicate: 1, quarantined: 3 },
    ]);
    expect((await project.sluice(["query", "select count(*) n from warehouse.orders", "--json"])).json()).toEqual([
      { n: 146 },
    ]);
    expect((await project.sluice(["features", "get", "customer_orders", "c-102", "--json"])).json()).toMatchObject({
      features: { orders: 16, orders_2d: 8 },
    });
  });
});
