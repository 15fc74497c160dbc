import { describe, expect, it } from "vitest";
import { cancelled, failed, finalFailure, marked, planOf, succeeded, type StepDraft } from "./plans.ts";
import { story } from "./story.ts";

const when = (step: string, outcome: string) => ({ dependsOn: [step], when: [{ step, outcome }] });

describe("a branch", () => {
  const plan = planOf([
    { name: "route" },
    { name: "one", ...when("route", "one") },
    { name: "many", ...when("route", "many") },
    { name: "after_many", dependsOn: ["many"] },
    { name: "join", dependsOn: ["one", "after_many"], trigger: "none-failed-min-one-succeeded" },
  ]);

  it("lets the chosen side run and skips the other, with what follows it", () => {
    const run = story(plan).tell(succeeded("route", 1, "one"));
    expect(run.statuses("one", "many", "after_many")).toEqual({
      one: "queued",
      many: "skipped",
      after_many: "skipped",
    });
    expect(run.step("many").reason).toBe("route chose one, not many");
    expect(run.step("after_many").reason).toBe("many was skipped");
    expect(run.tell(succeeded("one")).statuses("join")).toEqual({ join: "queued" });
  });

  it("may choose several, and none", () => {
    expect(
      story(plan)
        .tell(succeeded("route", 1, ["one", "many"]))
        .statuses("one", "many"),
    ).toEqual({
      one: "queued",
      many: "queued",
    });
    const none = story(plan).tell(succeeded("route", 1, []));
    expect(none.step("one").reason).toBe("route chose nothing, not one");
    expect(none.statuses("join")).toEqual({ join: "skipped" });
    expect(none.state().status).toBe("succeeded");
  });

  it.each([[null], [3], [{ one: true }], [[1, null]]])("that puts out %j has chosen nothing", (output) => {
    expect(
      story(plan)
        .tell(succeeded("route", 1, output))
        .statuses("one", "many"),
    ).toEqual({
      one: "skipped",
      many: "skipped",
    });
  });

  it("that failed or was skipped leaves it to the trigger rule", () => {
    const lenient = planOf([
      { name: "route" },
      { name: "strict", ...when("route", "one") },
      { name: "lenient", ...when("route", "one"), trigger: "all-done" },
    ]);
    expect(
      story(lenient)
        .tell(failed("route", 1, finalFailure))
        .statuses("strict", "lenient"),
    ).toEqual({
      strict: "upstream-failed",
      lenient: "queued",
    });
    expect(story(lenient).tell(marked("route", "skipped")).statuses("strict", "lenient")).toEqual({
      strict: "skipped",
      lenient: "queued",
    });
  });

  it("is waited for by a step that it may skip, whatever its trigger rule", () => {
    const eager = planOf([
      { name: "route" },
      { name: "other" },
      { name: "step", dependsOn: ["route", "other"], when: [{ step: "route", outcome: "one" }], trigger: "one-done" },
    ]);
    const run = story(eager).tell(succeeded("other"));
    expect(run.statuses("step")).toEqual({ step: "waiting" });
    expect(run.tell(succeeded("route", 1, "many")).statuses("step")).toEqual({ step: "skipped" });
  });

  it("skips a step that could not have started either, whichever is known first", () => {
    const both = planOf([
      { name: "route" },
      { name: "other" },
      { name: "step", dependsOn: ["route", "other"], when: [{ step: "route", outcome: "one" }] },
    ]);
    const events = [failed("other", 1, finalFailure), succeeded("route", 1, "many")];
    expect(
      story(both)
        .tell(...events)
        .statuses("step"),
    ).toEqual({ step: "skipped" });
    expect(
      story(both)
        .tell(...events.toReversed())
        .statuses("step"),
    ).toEqual({ step: "skipped" });
  });

  it("must be met by all conditions of a step", () => {
    const both = planOf([
      { name: "a" },
      { name: "b" },
      {
        name: "step",
        dependsOn: ["a", "b"],
        when: [
          { step: "a", outcome: "x" },
          { step: "b", outcome: "y" },
        ],
      },
    ]);
    expect(
      story(both)
        .tell(succeeded("a", 1, "x"), succeeded("b", 1, "y"))
        .statuses("step"),
    ).toEqual({ step: "queued" });
    expect(
      story(both)
        .tell(succeeded("a", 1, "x"), succeeded("b", 1, "n"))
        .statuses("step"),
    ).toEqual({ step: "skipped" });
  });
});

describe("a short-circuit", () => {
  const cut: StepDraft = { name: "go_on", control: { type: "short-circuit" } };

  it("skips all that follows it, whatever the trigger, and is itself a success", () => {
    const plan = planOf([
      cut,
      { name: "a", dependsOn: ["go_on"] },
      { name: "b", dependsOn: ["a"], trigger: "all-done" },
      { name: "c", dependsOn: ["b"], trigger: "none-failed" },
      { name: "beside" },
    ]);
    const run = story(plan).tell(succeeded("go_on", 1, false));
    expect(run.statuses()).toEqual({ go_on: "succeeded", a: "skipped", b: "skipped", c: "skipped", beside: "queued" });
    for (const name of ["a", "b", "c"]) expect(run.step(name).reason).toBe("go_on ended this path");
    expect(run.tell(succeeded("beside")).state().status).toBe("succeeded");
  });

  it.each([[true], [null], [0], [""], [[]]])("that puts out %j lets everything go on", (output) => {
    const run = story(planOf([cut, { name: "a", dependsOn: ["go_on"] }])).tell(succeeded("go_on", 1, output));
    expect(run.statuses("a")).toEqual({ a: "queued" });
  });

  it("leaves alone what has started, and skips what follows that at once", () => {
    const plan = planOf([
      cut,
      { name: "early", dependsOn: ["go_on"], trigger: "always" },
      { name: "late", dependsOn: ["early"] },
    ]);
    const run = story(plan).tell(succeeded("go_on", 1, false));
    expect(run.statuses("early", "late")).toEqual({ early: "queued", late: "skipped" });
  });

  it("still lets a teardown run", () => {
    const plan = planOf([
      { name: "cluster" },
      { ...cut, dependsOn: ["cluster"] },
      { name: "work", dependsOn: ["go_on"] },
      { name: "stop", dependsOn: ["cluster", "go_on", "work"], teardownOf: "cluster" },
    ]);
    const run = story(plan)
      .tell(succeeded("cluster"))
      .tell(succeeded("go_on", 1, false));
    expect(run.statuses("work", "stop")).toEqual({ work: "skipped", stop: "queued" });
  });

  it("decides what it may skip before a failure elsewhere does, whichever is known first", () => {
    const plan = planOf([
      cut,
      { name: "guarded", dependsOn: ["go_on"] },
      { name: "other" },
      { name: "both", dependsOn: ["guarded", "other"] },
    ]);
    const no = [failed("other", 1, finalFailure), succeeded("go_on", 1, false)];
    expect(
      story(plan)
        .tell(...no)
        .statuses("both"),
    ).toEqual({ both: "skipped" });
    expect(
      story(plan)
        .tell(...no.toReversed())
        .statuses("both"),
    ).toEqual({ both: "skipped" });
    const run = story(plan).tell(failed("other", 1, finalFailure));
    expect(run.statuses("both")).toEqual({ both: "waiting" });
    expect(run.tell(succeeded("go_on", 1, true)).statuses("both"), "nothing can skip it any more").toEqual({
      both: "upstream-failed",
    });
  });

  it("that fails, is skipped or is cancelled cuts nothing off", () => {
    const plan = planOf([
      { ...cut },
      { name: "a", dependsOn: ["go_on"], trigger: "all-done" },
      { name: "other" },
      { name: "both", dependsOn: ["a", "other"] },
    ]);
    const run = story(plan)
      .tell(failed("other", 1, finalFailure))
      .tell(failed("go_on", 1, finalFailure));
    expect(run.statuses("a", "both")).toEqual({ a: "queued", both: "upstream-failed" });
    const end = story(plan).tell(cancelled());
    expect(new Set(Object.values(end.statuses()))).toEqual(new Set(["cancelled"]));
  });
});
