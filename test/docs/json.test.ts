// docs/reference/json.md shows what each command prints with --json: the same keys, at every depth, with values of the
// same types.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commandTable } from "../../src/cli/main.ts";
import { killGroup, sluice, type CommandResult } from "../e2e/command.ts";
import { scratchProject, type ScratchProject } from "../e2e/scratch-project.ts";
import { readPage } from "./pages.ts";

/** Objects whose keys are the user's own, and values that may be anything. */
const free: ReadonlySet<string> = new Set(["row", "features", "fields", "value"]);

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
    writeFileSync(
      join(folder, "pipelines/notes.ts"),
      `import { pipeline, task } from "sluice";
       import { index, markdown, sync } from "sluice/retrieval";
       export default pipeline("notes", ({ step }) => {
         const synced = step("sync", sync(index("notes", { documents: markdown("*.md") })));
         step("fail", task({ synced }, () => { throw new Error("on purpose"); }), { retry: { limit: 0 } });
       });`,
    );
    const failing = await command("run", "notes");
    expect(failing.code).toBe(1);
    printed.set("Errors", JSON.parse(failing.stderr.trimEnd().split("\n").at(-1)!));
    const { run, steps } = JSON.parse(failing.stdout) as { run: { id: string }; steps: { error: object | null }[] };
    // What json.md says in words: the example is of a step that succeeded.
    expect(steps.map((step) => step.error && Object.keys(step.error))).toEqual([
      null,
      ["code", "message", "retryable", "hint"],
    ]);
    await print("run", "orders_daily", "--partition", "2026-01-05");
    await print("backfill", "orders_daily", "--from", "2026-01-05", "--to", "2026-01-06");
    await print("list");
    await print("runs");
    await print("logs", run.id);
    await print("why", run.id);
    await print("query", "select 'EIRE' as country, 1 as lines");
    await print("quarantine list");
    await print("quarantine show", "orders_daily");
    await print("features get", "customer_orders", "c-102");
    await print("search", "notes", "orders");
    await sluice(["serve", "--port", "0", "--json"], {
      cwd: folder,
      env: { SLUICE_HOME: "" },
      onStart: (child) =>
        child.stdout!.once("data", (text: string) => {
          printed.set("serve", JSON.parse(text));
          killGroup(child);
        }),
    });
  });

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
