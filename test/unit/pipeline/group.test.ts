import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { branch } from "../../../src/pipeline/branch.ts";
import { pipeline } from "../../../src/pipeline/pipeline.ts";
import type { Plan } from "../../../src/pipeline/plan.ts";
import type { StepHandle } from "../../../src/pipeline/step.ts";
import { task } from "../../../src/pipeline/task.ts";
import { when } from "../../../src/pipeline/when.ts";
import { invalid, noop, planned } from "./dsl.ts";

const edges = (plan: Plan): Record<string, readonly string[]> =>
  Object.fromEntries(plan.steps.map(({ name, dependsOn }) => [name, dependsOn]));

describe("a group", () => {
  it("gives its steps its name, and returns what its builder returns", () => {
    const { plan, specs } = pipeline("orders", ({ step, group }) => {
      const last = group("clean", ({ step, group }) => {
        const a = step("a", noop);
        group("inner", ({ step }) => step("b", noop, { after: a }));
        return step(
          "c",
          task({ a }, () => 3),
        );
      });
      step("done", noop, { after: last });
    });
    expect(edges(plan)).toEqual({
      "clean.a": [],
      "clean.inner.b": ["clean.a"],
      "clean.c": ["clean.a"],
      done: ["clean.c"],
    });
    expect([...specs(null).keys()]).toEqual(["clean.a", "clean.inner.b", "clean.c", "done"]);
  });

  it("comes after what it says: each of its steps that follows none of its own does", () => {
    const { plan } = pipeline("orders", ({ step, group }) => {
      const before = step("before", noop);
      const other = step("other", noop);
      group(
        "outer",
        ({ step, group }) => {
          const a = step("a", noop);
          step("b", noop, { after: a });
          step("c", noop, { after: other });
          group("inner", ({ step }) => void step("d", noop), { after: other });
          group("follows", ({ step }) => void step("e", noop), { after: a });
        },
        { after: before },
      );
    });
    expect(edges(plan)).toEqual({
      before: [],
      other: [],
      "outer.a": ["before"],
      "outer.b": ["outer.a"],
      "outer.c": ["other", "before"],
      "outer.inner.d": ["other", "before"],
      "outer.follows.e": ["outer.a"],
    });
  });

  it("may be one outcome of a branch", () => {
    const { plan } = pipeline("orders", ({ step, group }) => {
      const route = step(
        "route",
        branch(() => "full"),
      );
      group(
        "full",
        ({ step }) => {
          const a = step("a", noop);
          step("b", noop, { after: a });
        },
        { after: when(route, "full") },
      );
    });
    expect(planned(plan, "full.a").when).toEqual([{ step: "route", outcome: "full" }]);
    expect(planned(plan, "full.b").when).toEqual([]);
  });

  it("says for its steps what they don't say themselves, setting by setting", () => {
    const { plan } = pipeline("orders", { retry: { limit: 5, delay: "5s" }, priority: 1 }, ({ group }) => {
      group("g", ({ step }) => (step("a", noop), void step("b", noop, { retry: { delay: "1s" }, pool: "db" })), {
        retry: { limit: 1 },
        timeout: "1m",
        pool: "api",
      });
    });
    expect(planned(plan, "g.a")).toMatchObject({
      retry: { limit: 1, delayMs: 5_000 },
      timeoutMs: 60_000,
      pools: { api: 1 },
      priority: 1,
    });
    expect(planned(plan, "g.b")).toMatchObject({ retry: { limit: 1, delayMs: 1_000 }, pools: { db: 1 } });
  });

  it("has a name of its own, and steps with plain names", () => {
    const build = (names: (group: (name: string) => void, step: (name: string) => void) => void) => () =>
      pipeline("orders", ({ step, group }) =>
        names(
          (name) => group(name, ({ step }) => void step("x", noop)),
          (name) => void step(name, noop),
        ),
      );
    expect(build((group) => [group("a"), group("a")])).toThrow(invalid('two steps named "a"'));
    expect(build((group, step) => [step("a"), group("a")])).toThrow(invalid('two steps named "a"'));
    expect(build((group, step) => [group("a"), step("a")])).toThrow(invalid('two steps named "a"'));
    expect(build((_group, step) => step("a.x"))).toThrow(invalid('"a.x" can.t be the name of a step'));
    expect(build((group) => group("A"))).toThrow(invalid('"A" can.t be the name of a group'));
    expect(() => pipeline("orders", ({ group }) => void group("a", async ({ step }) => void step("x", noop)))).toThrow(
      invalid('builder of group "a" of pipeline "orders" is async'),
    );
    expect(() =>
      pipeline("orders", ({ step, group }) => {
        step("s", noop);
        group("a", ({ step }) => void step("x", noop), { after: { step: "s" } });
      }),
    ).toThrow(invalid("not from this pipeline"));
  });
});

describe("a teardown", () => {
  it("comes after all that follows what it tears down, also what is described later, and last in the plan", () => {
    const { plan } = pipeline("orders", ({ step }) => {
      const cluster = step(
        "cluster",
        task(() => "c-1"),
      );
      const before = step("before", noop);
      step(
        "stop",
        task({ cluster }, () => {}),
        { teardown: cluster },
      );
      const work = step("work", noop, { after: [cluster, before] });
      step("more", noop, { after: work });
      step("apart", noop, { after: before });
    });
    expect(plan.steps.map(({ name }) => name)).toEqual(["cluster", "before", "work", "more", "apart", "stop"]);
    expect(planned(plan, "stop")).toMatchObject({ teardownOf: "cluster", dependsOn: ["cluster", "work", "more"] });
  });

  it("of what was set up within comes before that of what is around it", () => {
    const { plan } = pipeline("orders", ({ step }) => {
      const database = step("database", noop);
      step("drop_database", noop, { teardown: database });
      const schema = step("schema", noop, { after: database });
      step("drop_schema", noop, { teardown: schema });
      step("work", noop, { after: schema });
    });
    expect(planned(plan, "drop_schema").dependsOn).toEqual(["schema", "work"]);
    expect(planned(plan, "drop_database").dependsOn).toEqual(["database", "schema", "work", "drop_schema"]);
    expect(plan.steps.map(({ name }) => name).slice(-2)).toEqual(["drop_schema", "drop_database"]);
  });

  it("leaves a plan in which every step comes after those it depends on, whatever is torn down", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ after: fc.array(fc.nat(), { maxLength: 3 }), teardown: fc.boolean() }), {
          minLength: 1,
          maxLength: 12,
        }),
        (described) => {
          const { plan } = pipeline("orders", ({ step }) => {
            const handles: StepHandle<unknown>[] = [];
            for (const [at, { after, teardown }] of described.entries()) {
              const name = `s${at}`;
              if (teardown && handles.length > 0) step(name, noop, { teardown: handles[at % handles.length]! });
              else
                handles.push(
                  step(name, noop, { after: after.map((pick) => handles[pick % handles.length]!).filter(Boolean) }),
                );
            }
          });
          const seen = new Set<string>();
          for (const { name, dependsOn } of plan.steps) {
            expect(dependsOn.filter((before) => !seen.has(before))).toEqual([]);
            seen.add(name);
          }
          expect(seen.size).toBe(described.length);
          for (const { teardownOf, dependsOn } of plan.steps) {
            if (teardownOf === null) continue;
            for (const other of plan.steps) {
              const follows = other.teardownOf === null && isAfter(plan, other.name, teardownOf);
              if (follows) expect(dependsOn).toContain(other.name);
            }
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it("is the last of its part: nothing comes after it, it has no trigger, and it tears down what is there", () => {
    expect(() =>
      pipeline("orders", ({ step }) => {
        const a = step("a", noop);
        const stop = step("stop", noop, { teardown: a });
        step("b", noop, { after: stop });
      }),
    ).toThrow(invalid('Step "b" of pipeline "orders" comes after the teardown "stop"'));
    expect(() =>
      pipeline("orders", ({ step }) => {
        const a = step("a", noop);
        const stop = step("stop", noop, { teardown: a });
        step("stop_again", noop, { teardown: stop });
      }),
    ).toThrow(invalid('Step "stop_again" of pipeline "orders" comes after the teardown "stop"'));
    expect(() =>
      pipeline("orders", ({ step }) => {
        const a = step("a", noop);
        step("stop", noop, { teardown: a, trigger: "all-done" });
      }),
    ).toThrow(invalid("is a teardown and has a trigger"));
    expect(() => pipeline("orders", ({ step }) => void step("a", noop, { teardown: { step: "a" } }))).toThrow(
      invalid("not from this pipeline"),
    );
  });
});

function isAfter(plan: Plan, name: string, before: string): boolean {
  const { dependsOn } = planned(plan, name);
  return dependsOn.includes(before) || dependsOn.some((each) => isAfter(plan, each, before));
}
