// Teardowns: steps that undo what another set up, once everything that follows it has ended. Here they get the steps
// they come after, and their place in the plan. Pure.
import { SluiceError } from "../errors.ts";
import type { PlanStep } from "./plan.ts";

/**
 * The steps with each teardown's dependencies complete, in an order in which every step comes after those it depends
 * on. A teardown depends on its set-up, on all that transitively follows that, and on the teardowns of those.
 */
export function placeTeardowns(pipeline: string, steps: readonly PlanStep[]): PlanStep[] {
  const teardowns = steps.filter((step) => step.teardownOf !== null);
  if (teardowns.length === 0) return [...steps];
  const names = new Set(teardowns.map((step) => step.name));
  const work = steps.filter((step) => !names.has(step.name));
  for (const step of steps) {
    const before =
      step.dependsOn.find((name) => names.has(name)) ?? (names.has(step.teardownOf ?? "") ? step.teardownOf : null);
    if (before !== null) {
      throw new SluiceError(
        "DEFINITION_INVALID",
        `Step "${step.name}" of pipeline "${pipeline}" comes after the teardown "${before}"`,
        { hint: "Let it come after the step that is torn down: a teardown is the last there is of its part." },
      );
    }
  }
  // An inner teardown comes before that of what was set up around it: the later the set-up, the earlier its teardown.
  const position = new Map(work.map((step, at) => [step.name, at]));
  const ordered = teardowns
    .map((step, at) => ({ step, at, setup: position.get(step.teardownOf!)! }))
    .sort((a, b) => b.setup - a.setup || a.at - b.at);
  const placed: { readonly step: PlanStep; readonly followers: ReadonlySet<string> }[] = [];
  for (const { step } of ordered) {
    const followers = followersOf(work, step.teardownOf!);
    const inner = placed.filter(
      ({ step: other }) => other.teardownOf !== step.teardownOf && followers.has(other.teardownOf!),
    );
    const dependsOn = new Set([...step.dependsOn, ...followers, ...inner.map(({ step: other }) => other.name)]);
    placed.push({ step: { ...step, dependsOn: [...dependsOn] }, followers });
  }
  return [...work, ...placed.map(({ step }) => step)];
}

/** The step and all that comes after it, in their order. */
function followersOf(steps: readonly PlanStep[], name: string): ReadonlySet<string> {
  const found = new Set([name]);
  for (const step of steps) if (step.dependsOn.some((before) => found.has(before))) found.add(step.name);
  return found;
}
