// Every hook was told of everything it is for: at least once, always under the same key, and of nothing that did not happen.
import type { HookNotice } from "../../src/engine/attempts/executor.ts";
import type { StoredNotice } from "../../src/engine/stores/run-store.ts";
import type { HookEvent } from "../../src/pipeline/plan.ts";
import { booksOf } from "./workers.ts";
import type { KnownRun, World } from "./world.ts";

export async function noticeBreaches(world: World, runs: readonly KnownRun[]): Promise<string[]> {
  const { told } = booksOf(world);
  const breaches: string[] = [];
  const stored = new Map<string, StoredNotice>();
  for (const run of runs) {
    const notices = await world.store.notices(run.record.id);
    for (const notice of notices) stored.set(notice.notice.key, notice);
    breaches.push(
      ...missing(
        world,
        run,
        notices.map(({ notice }) => notice),
      ),
    );
  }
  for (const { notice, dueAt, deliveredAt } of stored.values()) {
    const taken = told.get(notice.key)?.taken ?? 0;
    if (dueAt !== null) breaches.push(`${notice.key} is still to be told`);
    else if (deliveredAt !== null && taken === 0) breaches.push(`${notice.key} counts as told, and nobody was`);
    else if (deliveredAt === null && taken === 0) breaches.push(`${notice.key} was given up`);
  }
  for (const key of told.keys()) if (!stored.has(key)) breaches.push(`${key} was told, and is not stored`);
  return breaches;
}

interface Happening {
  readonly event: HookEvent;
  readonly step: string | null;
}

/** What happened to the run by its last state, of what hooks can be told. */
function happenings({ stored }: KnownRun): Happening[] {
  const { state, record } = stored;
  const all: Happening[] = [];
  if (record.status === "succeeded") all.push({ event: "success", step: null });
  if (record.status === "failed") all.push({ event: "failure", step: null });
  if (state.late) all.push({ event: "late", step: null });
  for (const [step, { status, late, reusedFrom, reason }] of state.steps) {
    // What was taken from another run did not happen in this one.
    if (reusedFrom !== null) continue;
    if (status === "succeeded" && reason === null) all.push({ event: "success", step });
    if (status === "failed") all.push({ event: "failure", step });
    if (late) all.push({ event: "late", step });
  }
  return all;
}

function missing(world: World, run: KnownRun, notices: readonly HookNotice[]): string[] {
  const breaches: string[] = [];
  for (const { event, step } of happenings(run)) {
    const planned = run.plan.steps.find(({ name }) => name === step);
    const levels: HookNotice["level"][] = [];
    if (planned?.hooks.includes(event)) levels.push("step");
    if (step === null && run.plan.hooks.includes(event)) levels.push("pipeline");
    if (step === null && world.workload.projectHooks.includes(event)) levels.push("project");
    for (const level of levels) {
      const found = notices.filter(
        (notice) => notice.event === event && notice.step === step && notice.level === level,
      );
      if (found.length !== 1)
        breaches.push(
          `${run.record.id} ${step ?? "as a whole"}: ${event} is told ${found.length} times at the level of the ${level}`,
        );
    }
  }
  return breaches;
}
