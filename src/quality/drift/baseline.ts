// What the current rows are compared with: earlier runs, one run, a file made from training data, or another dataset.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Dataset } from "../../dataset/dataset.ts";
import { readDataset } from "../../dataset/write-dataset.ts";
import { SluiceError } from "../../errors.ts";
import type { StepContext, StepHandle } from "../../pipeline/step.ts";
import type { QualityNeeds } from "../needs.ts";
import { mergeProfiles } from "../profile/merge-profiles.ts";
import type { Profile } from "../profile/profile.ts";
import type { ProfileKey } from "../profile/profile-store.ts";
import { profileRelation } from "../profile/scan.ts";

/** What a dataset is compared with. */
export type Baseline =
  /** The rows of so many runs before this one, together: of the slices of time before this one, where the pipeline has such partitions, each with the same keys in the other dimensions. */
  | { readonly runs: number }
  /** The rows of one run, by its id. */
  | { readonly run: string }
  /** A profile that `sluice profile … -o FILE` made of training data; a relative path starts at the project's folder. */
  | { readonly file: string }
  /** Another step's dataset. */
  | StepHandle<Dataset>;

export function isHandle(baseline: Baseline): baseline is StepHandle<Dataset> {
  return "step" in baseline;
}

export interface FoundBaseline {
  /** Null where there is none yet. */
  readonly profile: Profile | null;
  /** In words. */
  readonly told: string;
}

export async function findBaseline(
  baseline: Baseline,
  key: ProfileKey,
  context: StepContext,
  needs: QualityNeeds,
  categories: readonly string[],
): Promise<FoundBaseline> {
  if (isHandle(baseline)) {
    const dataset = context.inputs["baseline"] as Dataset;
    const session = await needs.session();
    const options = { rows: dataset.rows, categories };
    const profile = await profileRelation(session, readDataset(dataset), dataset.columns, options);
    return { profile, told: `step "${baseline.step}"` };
  }
  if ("file" in baseline) return { profile: readProfile(baseline.file, context.folder), told: baseline.file };
  if ("run" in baseline) {
    const entry = (await needs.profiles.ofRun(baseline.run)).find(({ step }) => step === key.step);
    if (entry !== undefined) return { profile: entry.profile, told: `run ${baseline.run}` };
    throw new SluiceError("NOT_FOUND", `Step "${key.step}": nothing is kept of run "${baseline.run}"`, {
      hint: "Name a run of this pipeline that had this step, by its whole id: sluice runs.",
    });
  }
  const entries = await needs.profiles.earlier(key, baseline.runs);
  const [newest] = entries;
  if (newest === undefined) return { profile: null, told: "no earlier run" };
  const told = entries.length === 1 ? `run ${newest.runId}` : `the ${entries.length} runs before it`;
  return { profile: mergeProfiles(entries.map(({ profile }) => profile)), told };
}

/** The profile in a file; SOURCE_MISSING or SOURCE_MALFORMED where there is none. */
export function readProfile(path: string, folder: string): Profile {
  const full = resolve(folder, path);
  let text: string;
  try {
    text = readFileSync(full, "utf8");
  } catch (cause) {
    throw new SluiceError("SOURCE_MISSING", `The profile ${full} can't be read`, {
      hint: `Make it: sluice profile TABLE-OR-FILE -o ${path}`,
      cause,
    });
  }
  try {
    const profile = JSON.parse(text) as Profile;
    if (profile.kind === "sluice.profile" && profile.format === 1) return profile;
  } catch {
    // Told below.
  }
  throw new SluiceError("SOURCE_MALFORMED", `${full} is not a profile`, {
    hint: `Make it: sluice profile TABLE-OR-FILE -o ${path}`,
  });
}
