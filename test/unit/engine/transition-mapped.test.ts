import { describe, expect, it } from "vitest";
import { itemLimit } from "../../../src/engine/state-machine/mapped-step.ts";
import { outputOf } from "../../../src/engine/state-machine/step-output.ts";
import { transitionAll } from "../../../src/engine/state-machine/transition.ts";
import type { Control, Plan } from "../../../src/pipeline/plan.ts";
import {
  cancelled,
  failed,
  finalFailure,
  fired,
  lost,
  marked,
  planOf,
  retryableFailure,
  succeeded,
  type StepDraft,
} from "./plans.ts";
import { story, type Story } from "./story.ts";

const over = (...steps: string[]): Control => ({ type: "map", over: steps, batch: null });

/** list -> size (once per element) -> end */
function mapping(more: Partial<StepDraft> = {}): Plan {
  return planOf([
    { name: "list" },
    { name: "size", dependsOn: ["list"], control: over("list"), ...more },
    { name: "end", dependsOn: ["size"] },
  ]);
}

function mapped(output: unknown, more: Partial<StepDraft> = {}): Story {
  return story(mapping(more)).tell(succeeded("list", 1, output));
}

const itemStatuses = (run: Story, step = "size") => run.step(step).items?.map(({ status }) => status);

describe("a mapped step", () => {
  it("makes an attempt per element, all at once", () => {
    const run = mapped(["a", "b", "c"]);
    expect(run.asked("start-attempt")).toEqual(
      [0, 1, 2].map((item) => ({ type: "start-attempt", step: "size", item, epoch: 1 })),
    );
    expect(run.step("size")).toMatchObject({ status: "mapped", attempts: 0, startedAt: 1 });
    expect(itemStatuses(run)).toEqual(["queued", "queued", "queued"]);
  });

  it("succeeds with the outputs in order when all items have, whichever came first", () => {
    const run = mapped(["a", "b", "c"]);
    run.tell(succeeded("size", 1, "C", 2)).tell(succeeded("size", 1, "A", 0));
    expect(run.statuses("size", "end")).toEqual({ size: "mapped", end: "waiting" });
    run.tell(succeeded("size", 1, "B", 1));
    expect(run.statuses("size", "end")).toEqual({ size: "succeeded", end: "queued" });
    expect(run.step("size").output, "the list is put together when it is needed").toBeNull();
    expect(outputOf(run.step("size"))).toEqual(["A", "B", "C"]);
    expect(run.asked("notify")).toEqual([{ type: "notify", event: "success", step: "size", item: null, epoch: 0 }]);
  });

  it("adds up the rows of its items, and unites their assets", () => {
    const run = mapped([1, 2, 3]);
    const rows = { in: 3, out: 2, duplicate: 1, quarantined: 0 };
    const end = (item: number, more: object) => ({ ...succeeded("size", 1, null, item), ...more }) as never;
    run.tell(end(0, { rows, assets: ["lake.a", "lake.b"] }), end(1, {}), end(2, { rows, assets: ["lake.b"] }));
    expect(run.step("size")).toMatchObject({
      rows: { in: 6, out: 4, duplicate: 2, quarantined: 0 },
      assets: ["lake.a", "lake.b"],
    });
    const without = mapped([1]).tell(succeeded("size", 1, null, 0));
    expect(without.step("size").rows, "none has counted any").toBeNull();
  });

  it("succeeds at once with an empty list when there is nothing to map over", () => {
    const run = mapped([], { lateMs: 50 });
    expect(run.asked("set-timer"), "it can't be late any more").toEqual([]);
    expect(run.step("size")).toMatchObject({ status: "succeeded", items: [], rows: null, assets: [] });
    expect(outputOf(run.step("size"))).toEqual([]);
    expect(run.statuses("end")).toEqual({ end: "queued" });
  });

  it("fails with the first item's error once all items have ended, and counts the failed ones", () => {
    const run = mapped([1, 2, 3]);
    run.tell(failed("size", 1, { ...finalFailure, message: "no c" }, 2));
    run.tell(failed("size", 1, { ...finalFailure, message: "no b" }, 1));
    expect(run.statuses("size"), "the others are not given up").toEqual({ size: "mapped" });
    run.tell(succeeded("size", 1, null, 0));
    expect(run.step("size")).toMatchObject({
      status: "failed",
      error: { ...finalFailure, message: "2 of 3 items failed; item 1: no b" },
    });
    expect(run.asked("notify")[0]).toMatchObject({ event: "failure", step: "size", item: null });
    expect(run.statuses("end")).toEqual({ end: "upstream-failed" });
    expect(outputOf(run.step("size"))).toBeNull();
  });

  it("retries and loses each item by itself", () => {
    const run = mapped([1, 2]);
    run.at(100).tell(failed("size", 1, retryableFailure, 1));
    expect(run.item("size", 1)).toMatchObject({ status: "retrying", failures: 1, wakeAt: 1_100 });
    expect(run.commands()).toEqual([
      { type: "set-timer", step: "size", item: 1, epoch: 1, timer: "retry", at: 1_100 },
      { type: "notify", event: "retry", step: "size", item: 1, epoch: 1 },
    ]);
    run.tell(lost("size", 1, "worker-died", 0));
    expect(run.commands()).toEqual([{ type: "start-attempt", step: "size", item: 0, epoch: 2 }]);
    run.tell(fired("size", 1, "retry", 1));
    expect(run.commands()).toEqual([{ type: "start-attempt", step: "size", item: 1, epoch: 2 }]);
    run.tell(succeeded("size", 2, "b", 1)).tell(succeeded("size", 2, "a", 0));
    expect(outputOf(run.step("size"))).toEqual(["a", "b"]);
  });

  it("fails an item whose worker dies five times in a row, and only that", () => {
    const run = mapped([1, 2]);
    for (let epoch = 1; epoch <= 5; epoch += 1) run.tell(lost("size", epoch, "worker-died", 1));
    expect(itemStatuses(run)).toEqual(["queued", "failed"]);
    run.tell(succeeded("size", 1, null, 0));
    expect(run.step("size").error).toMatchObject({ code: "WORKER_LOST" });
  });

  it("hears no word of items that don't exist, of old attempts, or of itself", () => {
    const run = mapped([1, 2]);
    const before = run.state();
    for (const event of [
      succeeded("size", 1, null, 2),
      succeeded("size", 1, null, -1),
      succeeded("size", 1, null, 0.5),
      succeeded("size", 2, null, 0),
      succeeded("size", 0, null, null),
      succeeded("list", 1, null, 0),
      fired("size", 1, "retry", 0),
    ])
      expect(run.tell(event).state()).toBe(before);
    run.tell(lost("size", 1, "worker-died", 0)).tell(lost("size", 2, "worker-died", 0));
    run.tell(succeeded("size", 3, "A", 0));
    expect(run.item("size", 0)).toMatchObject({ output: "A", losses: 0 });
    const after = run.state();
    expect(run.tell(succeeded("size", 3, "B", 0), failed("size", 3, finalFailure, 0)).state()).toBe(after);
  });

  it("touches no other item, and names those it has", () => {
    const plan = mapping();
    const before = mapped([1, 2, 3, 4]).state();
    const { state, changed } = transitionAll(
      plan,
      before,
      [2, 0].map((item) => succeeded("size", 1, "x", item)),
      9,
    );
    expect(changed).toEqual([{ step: "size", items: [2, 0] }]);
    for (const item of [1, 3])
      expect(state.steps.get("size")!.items![item]).toBe(before.steps.get("size")!.items![item]);
  });

  it("tells how many items there are when they have only now been made", () => {
    const before = story(mapping()).state();
    const { changed } = transitionAll(mapping(), before, [succeeded("list", 1, ["a", "b"])], 1);
    expect(changed).toEqual([
      { step: "list", items: [] },
      { step: "size", items: [0, 1] },
    ]);
  });

  it("cancels the items that have not ended, and stops those that are under way", () => {
    const run = mapped([1, 2, 3]);
    run.tell(succeeded("size", 1, "A", 0), failed("size", 1, retryableFailure, 1)).tell(cancelled());
    expect(itemStatuses(run)).toEqual(["succeeded", "cancelled", "cancelled"]);
    expect(run.item("size", 1)).toMatchObject({ wakeAt: null, reason: "asked for" });
    expect(run.asked("stop-attempt")).toEqual([{ type: "stop-attempt", step: "size", item: 2, epoch: 1 }]);
    expect(run.state().status).toBe("cancelled");
  });

  it("keeps the outputs it has when it is marked as succeeded", () => {
    const run = mapped([1, 2])
      .tell(succeeded("size", 1, "A", 0))
      .tell(marked("size", "succeeded"));
    expect(run.asked("stop-attempt")).toEqual([{ type: "stop-attempt", step: "size", item: 1, epoch: 1 }]);
    expect(run.step("size")).toMatchObject({ status: "succeeded", reason: "marked succeeded by ana: by hand" });
    expect(outputOf(run.step("size"))).toEqual(["A", null]);
    expect(run.statuses("end")).toEqual({ end: "queued" });
  });

  it("is late as a whole", () => {
    const run = mapped([1, 2], { lateMs: 50 });
    expect(run.asked("set-timer")).toEqual([
      { type: "set-timer", step: "size", item: null, epoch: 0, timer: "late", at: 51 },
    ]);
    run.tell(fired("size", 0, "late"));
    expect(run.step("size")).toMatchObject({ status: "mapped", late: true });
    expect(run.commands()).toEqual([{ type: "notify", event: "late", step: "size", item: null, epoch: 0 }]);
  });
});

it("a mapped step waits for what it maps over, however eager its trigger rule", () => {
  const plan = planOf([
    { name: "a" },
    { name: "list" },
    { name: "eager", dependsOn: ["a", "list"], control: over("list"), trigger: "one-succeeded" },
    { name: "always", control: over("list"), trigger: "always" },
  ]);
  const run = story(plan).tell(succeeded("a"));
  expect(run.statuses("eager", "always")).toEqual({ eager: "waiting", always: "waiting" });
  run.tell(succeeded("list", 1, ["x"]));
  expect(run.statuses("eager", "always")).toEqual({ eager: "mapped", always: "mapped" });
});

describe("the number of items", () => {
  const dataset = { kind: "dataset", rows: 2_500, files: [], columns: [], bytes: 1, hash: "x" };
  const count = (outputs: readonly unknown[], batch: number | null = null): number | string => {
    const sources = outputs.map((_, position) => `source_${position}`);
    const run = story(
      planOf([
        ...sources.map((name) => ({ name })),
        { name: "map", dependsOn: sources, control: { type: "map", over: sources, batch } },
      ]),
    );
    run.tell(...outputs.map((output, position) => succeeded(`source_${position}`, 1, output)));
    const { items, error } = run.step("map");
    return error === null ? items!.length : `${error.code}: ${error.message}`;
  };

  it.each([
    ["elements of a list", [["a", "b"]], null, 2],
    [
      "combinations of lists",
      [
        ["a", "b"],
        [1, 2, 3],
      ],
      null,
      6,
    ],
    ["combinations with an empty list", [["a", "b"], []], null, 0],
    ["batches of a dataset", [dataset], 1_000, 3],
    ["batches of a dataset without rows", [{ ...dataset, rows: 0 }], 1_000, 0],
    ["batches times elements", [dataset, ["a", "b"]], 1_000, 6],
    ["elements of a list that lies in the artifact store", [{ $artifact: "h", bytes: 9, length: 70 }], null, 70],
    ["batches of a dataset that lies in the artifact store", [{ $artifact: "h", bytes: 9, rows: 70 }], 50, 2],
  ] as const)("is that of the %s", (_what, outputs, batch, expected) => {
    expect(count(outputs, batch)).toBe(expected);
  });

  it("is that of another mapped step's items, each put out as an element", () => {
    const run = story(
      planOf([
        { name: "list" },
        { name: "one", dependsOn: ["list"], control: over("list") },
        { name: "two", dependsOn: ["one"], control: over("one") },
      ]),
    );
    run.tell(succeeded("list", 1, ["a", "b", "c"]));
    run.tell(...[0, 1, 2].map((item) => succeeded("one", 1, null, item)));
    expect(itemStatuses(run, "two")).toEqual(["queued", "queued", "queued"]);
  });

  it.each([
    ["nothing", null],
    ["a number", 3],
    ["text", "abc"],
    ["an object", { length: 3 }],
    ["a dataset that is to be mapped as a list", dataset],
    ["what in the artifact store is not a list", { $artifact: "h", bytes: 9 }],
  ])("can't be told of %s: the step fails, and doesn't try again", (_what, output) => {
    expect(count([output])).toMatch(/^TASK_FAILED: Step "map" maps over the output of "source_0", which is neither/);
  });

  it("can't be told of a step that has put nothing out", () => {
    const plan = planOf([
      { name: "list" },
      { name: "size", dependsOn: ["list"], control: over("list"), trigger: "all-done" },
    ]);
    const twice = story(
      planOf([...plan.steps, { ...plan.steps[1]!, name: "twice", dependsOn: ["size"], control: over("size") }]),
    );
    twice.tell(succeeded("list", 1, ["a"])).tell(failed("size", 1, finalFailure, 0));
    expect(twice.step("twice"), "nor of a mapped step that failed").toMatchObject({ status: "failed", items: null });
    const run = story(plan).tell(failed("list", 1, finalFailure));
    expect(run.step("size")).toMatchObject({ status: "failed", attempts: 0, error: { retryable: false } });
    expect(run.asked("notify")).toContainEqual({
      type: "notify",
      event: "failure",
      step: "size",
      item: null,
      epoch: 0,
    });
  });

  it("has a limit", () => {
    expect(count([{ $artifact: "h", length: itemLimit }])).toBe(itemLimit);
    expect(count([{ $artifact: "h", length: itemLimit }, [1, 2]])).toMatch(
      /would have 200000 items; 100000 are the most/,
    );
  });
});
