// Pools: slots that a project sets and attempts hold while they are live.
import { SluiceError } from "../errors.ts";
import type { Plan } from "./plan.ts";

/** DEFINITION_INVALID when a step takes slots of a pool that isn't there, or more than it has. */
export function checkPools(
  pipelines: Iterable<{ readonly plan: Plan }>,
  pools: Readonly<Record<string, number>>,
): void {
  for (const { plan } of pipelines) {
    for (const step of plan.steps) {
      for (const [pool, slots] of Object.entries(step.pools)) {
        const size = Object.hasOwn(pools, pool) ? pools[pool]! : 0;
        if (slots <= size) continue;
        const where = `Step "${step.name}" of pipeline "${plan.pipeline}"`;
        throw size === 0
          ? new SluiceError(
              "DEFINITION_INVALID",
              `${where} uses the pool "${pool}", which sluice.config.ts does not define`,
              {
                hint: `Add it: defineConfig({ pools: { ${pool}: ${slots} } }).`,
                details: { pipeline: plan.pipeline, step: step.name, pool },
              },
            )
          : new SluiceError(
              "DEFINITION_INVALID",
              `${where} takes ${slots} slots of the pool "${pool}", which has ${size}`,
              {
                hint: "Give the pool more slots, or let the step take fewer: it could never run.",
                details: { pipeline: plan.pipeline, step: step.name, pool },
              },
            );
      }
    }
  }
}
