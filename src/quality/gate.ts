// The kind of step that stops what follows when too little arrived. It looks at counts, never at rows.
import type { LoadResult } from "../dataset/load-result.ts";
import { SluiceError } from "../errors.ts";
import type { StepHandle, StepSpec } from "../pipeline/step.ts";

/** What must hold for the steps behind the gate to run. */
export interface GateOptions {
  /** Least share of the offered rows that must have been loaded, 0 to 1. */
  readonly loadedRatio?: number;
  /** Least number of loaded rows. */
  readonly minRows?: number;
  /** What to do when there was nothing to load and nothing in quarantine, such as on a day without sales. @default "fail" */
  readonly whenEmpty?: "pass" | "fail";
}

/** What a gate saw when it let the run pass. */
export interface GateReport {
  readonly asset: string;
  readonly offered: number;
  readonly loaded: number;
  /** loaded / offered; 1 when nothing was offered. */
  readonly loadedRatio: number;
}

/**
 * A step that succeeds if enough of a load arrived, and fails with GATE_CLOSED otherwise, so that nothing after it runs.
 *
 * ```ts
 * step("enough", gate(loaded, { loadedRatio: 0.95, minRows: 100, whenEmpty: "pass" }));
 * ```
 */
export function gate(loaded: StepHandle<LoadResult>, options: GateOptions): StepSpec<GateReport, unknown> {
  checkOptions(options);
  const settings = {
    loadedRatio: options.loadedRatio ?? null,
    minRows: options.minRows ?? null,
    whenEmpty: options.whenEmpty ?? "fail",
  } as const;
  return {
    kind: "gate",
    inputs: { loaded },
    config: settings,
    execute: async (context) => ({ output: judgeLoad(context.inputs["loaded"] as LoadResult, settings) }),
  };
}

interface Settings {
  readonly loadedRatio: number | null;
  readonly minRows: number | null;
  readonly whenEmpty: "pass" | "fail";
}

function judgeLoad(load: LoadResult, settings: Settings): GateReport {
  const report = {
    asset: load.asset,
    offered: load.offered,
    loaded: load.loaded,
    loadedRatio: load.offered === 0 ? 1 : load.loaded / load.offered,
  };
  if (load.offered === 0 && load.quarantined > 0) {
    const what = `no row is valid, all ${load.quarantined} were quarantined`;
    throw closed(report, settings, what, "Look into quarantine for the reason, then run the partition again.");
  }
  if (load.offered === 0) {
    if (settings.whenEmpty === "pass") return report;
    throw closed(
      report,
      settings,
      "no rows were offered",
      'If an empty partition is normal here, use whenEmpty: "pass".',
    );
  }
  if (settings.loadedRatio !== null && report.loadedRatio < settings.loadedRatio) {
    const what = `${load.loaded} of ${load.offered} offered rows were loaded (${percent(report.loadedRatio)}), fewer than ${percent(settings.loadedRatio)}`;
    throw closed(report, settings, what, "Find out why rows did not arrive, then run the partition again.");
  }
  if (settings.minRows !== null && load.loaded < settings.minRows) {
    const what = `${load.loaded} rows were loaded, fewer than ${settings.minRows}`;
    throw closed(report, settings, what, "Look into quarantine and at the source, then run the partition again.");
  }
  return report;
}

function closed(report: GateReport, settings: Settings, what: string, hint: string): SluiceError {
  return new SluiceError("GATE_CLOSED", `The gate on ${report.asset} is closed: ${what}`, {
    hint,
    retryable: false,
    details: { ...report, limits: settings },
  });
}

/** Rounded down, so that a share just below a limit never reads as the limit itself. */
function percent(share: number): string {
  return `${Math.floor(share * 100_000 + 1e-6) / 1000} %`;
}

function checkOptions(options: GateOptions): void {
  const { loadedRatio, minRows } = options;
  if (loadedRatio === undefined && minRows === undefined) {
    throw new SluiceError("DEFINITION_INVALID", "gate() has no condition", {
      hint: "Give it loadedRatio, minRows or both.",
    });
  }
  if (loadedRatio !== undefined && !(loadedRatio >= 0 && loadedRatio <= 1)) {
    throw new SluiceError("DEFINITION_INVALID", `gate(): loadedRatio is ${loadedRatio}`, {
      hint: "It is a share, from 0 to 1.",
    });
  }
  if (minRows !== undefined && !(Number.isSafeInteger(minRows) && minRows >= 0)) {
    throw new SluiceError("DEFINITION_INVALID", `gate(): minRows is ${minRows}`, { hint: "It is a count of rows." });
  }
}
