// What a worker is asked beside attempts: to tell hooks, and to check the params of a run.
import type { HookNotice } from "../engine/attempts/executor.ts";
import { SluiceError, toFailure, type Failure } from "../errors.ts";
import type { HookContext, HookFunction, Hooks } from "../hook.ts";
import type { Json } from "../json.ts";
import type { Redactor } from "../log.ts";
import type { Project } from "./project.ts";

/** Tells every hook that the notice is for, one after the other. Null when all took it; otherwise what the first one threw. */
export async function tellHooks(
  project: Project,
  notice: HookNotice,
  context: HookContext,
  redactor: Redactor,
): Promise<Failure | null> {
  let failure: Failure | null = null;
  for (const hook of hooksFor(project, notice)) {
    try {
      await hook(notice, context);
    } catch (error) {
      failure ??= redactor.value(toFailure(error));
    }
  }
  return failure;
}

function hooksFor(project: Project, notice: HookNotice): readonly HookFunction[] {
  if (notice.level === "project") return project.config.hooks.hooks[notice.event] ?? [];
  const pipeline = project.pipelines.get(notice.pipeline);
  if (pipeline === undefined) return [];
  let hooks: Hooks | undefined = pipeline.hooks;
  if (notice.level === "step")
    hooks = notice.step === null ? undefined : pipeline.code(notice.partition, notice.params).hooks.get(notice.step);
  return hooks?.[notice.event] ?? [];
}

/** The params of a run, from what was given. */
export function parsedParams(project: Project, pipeline: string, raw: Json): Json {
  const found = project.pipelines.get(pipeline);
  if (found === undefined) throw new SluiceError("NOT_FOUND", `There is no pipeline "${pipeline}" in pipelines/`);
  return found.parseParams(raw);
}
