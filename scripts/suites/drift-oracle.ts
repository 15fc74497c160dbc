// Every number of a file of drift cases, made with scipy, is computed here and compared: to 1e-6, relative above 1.
// PATH is a JSON file {cases: [{kind, name, reference, current, expect}]}.
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { compareCounts } from "../../src/quality/drift/compare-counts.ts";
import { compareNumbers } from "../../src/quality/drift/compare-numbers.ts";
import type { Suite, SuiteCase } from "./suite.ts";

type Expected = Readonly<Record<string, number | readonly number[] | null>>;

type Case = { readonly name: string; readonly expect: Expected } & (
  | { readonly kind: "numeric"; readonly reference: readonly number[]; readonly current: readonly number[] }
  | {
      readonly kind: "categorical";
      readonly reference: Readonly<Record<string, number>>;
      readonly current: Readonly<Record<string, number>>;
    }
);

const tolerance = 1e-6;

export const suite: Suite = async (path) => {
  const { cases } = JSON.parse(readFileSync(path, "utf8")) as { readonly cases: readonly Case[] };
  return cases.map((item): SuiteCase => {
    const reason = compare(item.expect, computed(item));
    return { file: basename(path), title: item.name, outcome: reason === "" ? "passed" : "failed", reason };
  });
};

function computed(item: Case): Expected {
  if (item.kind === "numeric") {
    const found = compareNumbers(item.reference, item.current);
    return {
      ks_stat: found.ks,
      ks_p_auto: found.ksP,
      ks_p_asymp: found.ksLimitP,
      wasserstein: found.wasserstein,
      wasserstein_over_ref_std_ddof0: found.wassersteinShare,
      cvm_p: found.cramerVonMisesP,
      mw_p: found.mannWhitneyP,
      edges: found.edges,
      ref_counts: found.referenceCounts,
      cur_counts: found.currentCounts,
      psi_laplace_half: found.psi,
      psi_crit_99: found.psiCritical,
      js_distance_base2: found.jensenShannon,
      js_distance_basee: found.jensenShannon * Math.sqrt(Math.LN2),
    };
  }
  const found = compareCounts(item.reference, item.current);
  return {
    chi2_contingency_stat: found.chiSquare,
    chi2_contingency_p: found.chiSquareP,
    dof: found.degrees,
    linf: found.largest,
    tvd: found.totalVariation,
    hellinger: found.hellinger,
    js_distance_base2: found.jensenShannon,
    psi_laplace_half: found.psi,
    cramers_v: found.cramersV,
  };
}

/** What differs, in words; empty when nothing does. */
function compare(expected: Expected, found: Expected): string {
  return Object.entries(expected)
    .filter(([name, value]) => !(name in found) || !same(value, found[name]!))
    .map(([name, value]) => `${name} is ${JSON.stringify(found[name])}, not ${JSON.stringify(value)}`)
    .join("; ");
}

function same(expected: Expected[string], found: Expected[string]): boolean {
  if (expected === null || found === null) return expected === found;
  if (typeof expected === "number") {
    return typeof found === "number" && Math.abs(found - expected) <= tolerance * Math.max(1, Math.abs(expected));
  }
  if (typeof found === "number") return false;
  return expected.length === found.length && expected.every((value, position) => same(value, found[position]!));
}
