// docs/reference/json.md shows what each command prints with --json: the same keys, at every depth, with values of the
// same types.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commandTable } from "../../src/cli/main.ts";
import { killGroup, sluice, type CommandResult } from "../e2e/command.ts";
import { scratchProject, type ScratchProject } from "../e2e/scratch-project.ts";
import { readPage } from "./pages.ts";

/** Objects whose keys are the user's own, and values that may be anything. */
const free: ReadonlySet<string> = new Set(["row", "features", "fields", "value", "settings"]);

/** How `actual` differs in shape from `shown`. Null stands for a value that isn't there, of whatever type. */
function faults(shown: unknown, actual: unknown, path: string): string[] {
  if (shown === null || actual === null) return actual === undefined ? [`${path} is missing`] : [];
  if (Array.isArray(shown)) {
    if (!Array.isArray(actual)) return [`${path} is no array`];
    return actual.flatMap((item, at) => faults(shown[0], item, `${path}[${at}]`));
  }
  if (typeof shown !== typeof actual || Array.isArray(actual))
    return [`${path} is ${JSON.stringify(actual)}, shown is ${JSON.stringify(shown)}`];
  if (typeof shown !== "object") return [];
  const [left, right] = [shown, actual] as [Record<string, unknown>, Record<string, unknown>];
  const surplus = Object.keys(right).filter((key) => !(key in left));
  return [
    ...surplus.map((key) => `${path}.${key} is not shown`),
    ...Object.keys(left).flatMap((key) => {
      if (!(key in right)) return [`${path}.${key} is not printed`];
      return free.has(key) ? [] : faults(left[key], right[key], `${path}.${key}`);
    }),
  ];
}

const sections = new Map(
  readPage("docs/reference/json.md")
    .text.split(/^## /m)
    .slice(1)
    .map((section) => {
      const name = section
        .split("\n", 1)[0]!
        .replaceAll("`", "")
        .replace(/^sluice /, "");
      const example = /^```json\n([\s\S]*?)^```$/m.exec(section)?.[1];
      return [name, example === undefined ? undefined : (JSON.parse(example) as unknown)] as const;
    }),
);

describe("what docs/reference/json.md shows", () => {
  let parent: ScratchProject;
  let folder: string;
  const printed = new Map<string, unknown>();
  const command = (...args: string[]): Promise<CommandResult> =>
    sluice([...args, "--json"], { cwd: folder, env: { SLUICE_HOME: "" } });
  const print = async (name: string, ...args: string[]): Promise<unknown> => {
    const result = await command(...name.split(" "), ...args);
    expect(result.code, `sluice ${name}: ${result.stderr}`).toBe(0);
    const document = JSON.parse(result.stdout) as unknown;
    printed.set(name, document);
    return document;
  };

  beforeAll(async () => {
    parent = scratchProject();
    folder = parent.folder;
    await print("init", "demo");
    folder = join(folder, "demo");
    const notes = `import { pipeline, task } from "sluice";
       import { index, markdown, sync } from "sluice/retrieval";
       export default pipeline("notes", ({ step }) => {
         const synced = step("sync", sync(index("notes", { documents: markdown("*.md") })));
         step("fail", task({ synced }, () => { throw new Error("on purpose"); }), { retry: { limit: 0 } });
       });`;
    writeFileSync(join(folder, "pipelines/notes.ts"), notes);
    const failing = await command("run", "notes");
    expect(failing.code).toBe(1);
    printed.set("Errors", JSON.parse(failing.stderr.trimEnd().split("\n").at(-1)!));
    const { run, steps } = JSON.parse(failing.stdout) as { run: { id: string }; steps: { error: object | null }[] };
    // What json.md says in words: the example is of a step that succeeded.
    expect(steps.map((step) => step.error && Object.keys(step.error))).toEqual([
      null,
      ["code", "message", "retryable", "hint"],
    ]);
    const day = (await print("run", "orders_daily", "--partition", "2026-01-05")) as { run: { id: string } };
    await print("report", day.run.id);
    await print("backfill", "orders_daily", "--from", "2026-01-05", "--to", "2026-01-06");
    await print("list");
    await operate();
    await print("runs");
    await print("logs", run.id);
    await print("why", run.id);
    await print("query", "select 'EIRE' as country, 1 as lines");
    writeFileSync(join(folder, "some.csv"), "id,paid_at\n1,2026-01-05\n2,\n");
    await print("profile", "some.csv");
    await print("contract infer", "some.csv");
    await print("contract explain", "order");
    await print("connections list");
    await print("connections test");
    await print("quarantine list");
    await print("quarantine show", "orders_daily");
    await print("quarantine export", "orders_daily", "-o", "rows.jsonl");
    await print("quarantine replay", "orders_daily", "--partition", "2026-01-05");
    await print("quarantine drop", "orders_daily", "--all");
    await print("features get", "customer_orders", "c-102");
    await print("search", "notes", "orders");
    for (const name of ["serve", "dev"]) {
      await sluice([name, "--port", "0", "--json"], {
        cwd: folder,
        env: { SLUICE_HOME: "" },
        onStart: (child) =>
          child.stdout!.once("data", (text: string) => {
            printed.set(name, JSON.parse(text));
            killGroup(child);
          }),
      });
    }
    writeFileSync(join(folder, "pipelines/notes.ts"), notes.replace("limit: 0", "limit: 3"));
    await print("diff", run.id);
    mkdirSync(join(folder, "tests"), { recursive: true });
    writeFileSync(join(folder, "tests/one.test.ts"), `import { test } from "node:test"; test("passes", () => {});`);
    await print("test");
    await print("prune", "--older-than", "1d");
  }, 120_000);

  /** Runs that wait for somebody, and what can be done with them. */
  async function operate(): Promise<void> {
    writeFileSync(
      join(folder, "pipelines/operated.ts"),
      `import { approval, daily, dynamicPartitions, pipeline, task } from "sluice";
       const asks = (name) => pipeline(name, ({ step }) => {
         const ok = step("ok", approval({ message: "Go on?" }));
         step("after", task(() => 1), { after: ok });
       });
       export const one = asks("asks_one");
       export const two = asks("asks_two");
       export const three = asks("asks_three");
       export const four = asks("asks_four");
       export const nightly = pipeline("nightly", { schedule: { cron: "0 2 * * *" } }, ({ step }) => { step("one", task(() => 1)); });
       export const ready = pipeline("ready", { schedule: { onEvent: "orders.ready" } }, ({ step }) => { step("one", task(() => 1)); });
       export const customers = pipeline("customers", { partitions: dynamicPartitions("customers") }, ({ step }) => { step("one", task(() => 1)); });`,
    );
    const waiting = async (pipeline: string): Promise<string> => {
      const result = await command("run", pipeline, "--no-wait");
      return (JSON.parse(result.stdout) as { run: { id: string } }).run.id;
    };
    await print("approve", await waiting("asks_one"), "ok");
    await print("reject", await waiting("asks_two"), "ok");
    await print("mark", await waiting("asks_three"), "ok", "--as", "succeeded", "--reason", "by phone");
    const cancelled = await waiting("asks_four");
    await print("cancel", cancelled);
    await print(
      "rerun",
      (JSON.parse((await command("runs", "--pipeline", "orders_daily")).stdout) as { id: string }[])[0]!.id,
      "--all",
    );
    await print("pause", "nightly");
    await print("unpause", "nightly");
    await print("schedules");
    await print("trigger", "orders.ready");
    await print("partitions", "orders_daily");
    await print("partitions add", "customers", "acme", "globex");
    await print("partitions remove", "customers", "acme");
    const asked = await command("backfill", "orders_daily", "--from", "2026-01-06", "--to", "2026-01-07", "--no-wait");
    const { backfill } = JSON.parse(asked.stdout) as { backfill: { id: string } };
    await print("backfills cancel", backfill.id);
    await print("backfills resume", backfill.id);
    await print("backfills");
  }

  afterAll(() => parent.remove());

  const names = commandTable.map(({ path }) => path.join(" "));

  it("is there for every command", () => {
    expect([...sections.keys()].sort()).toEqual([...names, "Errors"].sort());
  });

  it.each([...names, "Errors"])("is what is printed: %s", (name) => {
    const document = printed.get(name);
    expect(document, "nothing was printed").toBeDefined();
    if (Array.isArray(document)) expect(document).not.toHaveLength(0);
    expect(faults(sections.get(name), document, name)).toEqual([]);
  });

  it("is compared to the last key", () => {
    expect(faults({ a: [{ b: 1 }] }, { a: [{ b: 1 }, { b: 2, c: 3 }] }, "x")).toEqual(["x.a[1].c is not shown"]);
    expect(faults({ a: { b: 1 } }, { a: {} }, "x")).toEqual(["x.a.b is not printed"]);
    expect(faults({ a: "1" }, { a: 1 }, "x")).toHaveLength(1);
    expect(faults({ a: null }, { a: 1 }, "x")).toEqual([]);
  });
});
