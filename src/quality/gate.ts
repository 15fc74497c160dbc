// The kind of step that stops what follows when too little arrived, or much less than usual. It looks at counts, never at
// single rows.
import type { Dataset } from "../dataset/dataset.ts";
import type { LoadResult } from "../dataset/load-result.ts";
import { SluiceError } from "../errors.ts";
import type { StepContext, StepHandle, StepSpec } from "../pipeline/step.ts";
import { comparedWithUsual, recordUsual } from "./fall.ts";
import type { QualityNeeds } from "./needs.ts";

/** What must hold for the steps behind the gate to run. */
export interface GateOptions {
  /** Least share of the offered rows that must have been loaded, 0 to 1; of a dataset, the share that is valid. */
  readonly loadedRatio?: number;
  /** Least number of loaded rows. */
  readonly minRows?: number;
  /**
   * The circuit breaker: a share, such as 0.9. The gate closes when the rows have fallen by it below the median of recent
   * runs, and on a dataset when the filled values of a column have: it is suddenly null.
   */
  readonly fall?: number;
  /** Recent runs, or slices of time before this one, that make the median; three at least must be there. @default 14 */
  readonly over?: number;
  /** Runs and slices before this time (ISO 8601) are not counted: the level has changed since, and that is right. */
  readonly since?: string;
  /** What to do when there was nothing to load and nothing in quarantine, such as on a day without sales. @default "fail" */
  readonly whenEmpty?: "pass" | "fail";
  /**
   * block: GATE_CLOSED, and nothing behind it runs · warn: say so in the log, and let it run · divert: the output is
   * "open" or "closed", and each step behind it says by `when(gate, …)` which it is there for. @default "block"
   */
  readonly onClosed?: "block" | "warn" | "divert";
}

/** What a gate saw when it let the run pass. */
export interface GateReport {
  readonly asset: string;
  readonly offered: number;
  readonly loaded: number;
  /** loaded / offered; 1 when nothing was offered. */
  readonly loadedRatio: number;
  /** Why it would have closed, had it not been told to warn only. */
  readonly warning?: string;
}

/** What a gate looks at: a load, or a dataset. */
export type GateInput = StepHandle<LoadResult> | StepHandle<Dataset>;

/**
 * A step that succeeds if enough arrived, and fails with GATE_CLOSED otherwise, so that nothing after it runs.
 *
 * ```ts
 * step("enough", gate(loaded, { loadedRatio: 0.95, minRows: 100, whenEmpty: "pass" }));
 * step("usual", gate(clean, { fall: 0.9 }));
 * ```
 */
export function gate(
  from: GateInput,
  options: GateOptions & { readonly onClosed: "divert" },
): StepSpec<"open" | "closed", QualityNeeds>;
export function gate(
  from: GateInput,
  options: GateOptions & { readonly onClosed?: "block" | "warn" },
): StepSpec<GateReport, QualityNeeds>;
export function gate(from: GateInput, options: GateOptions): StepSpec<GateReport | "open" | "closed", QualityNeeds>;
export function gate(from: GateInput, options: GateOptions): StepSpec<GateReport | "open" | "closed", QualityNeeds> {
  checkOptions(options);
  const { onClosed = "block", fall, over, since } = options;
  const settings = {
    loadedRatio: options.loadedRatio ?? null,
    minRows: options.minRows ?? null,
    whenEmpty: options.whenEmpty ?? "fail",
  } as const;
  return {
    kind: "gate",
    inputs: { loaded: from },
    // Absent rather than the defaults: gates without them keep their version.
    config: {
      ...settings,
      ...(fall === undefined ? {} : { fall, over: over ?? 14, since: since ?? null }),
      ...(onClosed === "block" ? {} : { onClosed }),
    },
    execute: async (context, needs) => {
      const input = context.inputs["loaded"] as LoadResult | Dataset;
      const load = wholeDelivery(input.kind === "dataset" ? asLoad(input, from.step) : input);
      const { report, closed } = await judge(context, needs, input, load, settings, options);
      if (closed === null) return { output: onClosed === "divert" ? "open" : report };
      if (onClosed === "block") throw closed;
      context.log.warn(`${closed.message}. ${closed.hint ?? ""}`.trim());
      return { output: onClosed === "divert" ? "closed" : { ...report, warning: closed.message } };
    },
  };
}

interface Settings {
  readonly loadedRatio: number | null;
  readonly minRows: number | null;
  readonly whenEmpty: "pass" | "fail";
}

/** A dataset as if it had been loaded: its valid rows out of those that were offered to the contract behind it. */
function asLoad({ rows, quarantined = 0, before }: Dataset, step: string): LoadResult {
  return {
    kind: "load-result",
    asset: `step "${step}"`,
    offered: rows === 0 && (before ?? 0) === 0 ? 0 : rows + quarantined,
    loaded: rows,
    quarantined,
    ...(before === undefined ? {} : { before }),
  };
}

/** What was replayed together with what had gone on before it: a gate speaks of the delivery, not of some of its rows. */
function wholeDelivery({ before, ...load }: LoadResult): LoadResult {
  return before === undefined
    ? load
    : { ...load, offered: load.offered + before, loaded: load.loaded + before, before };
}

async function judge(
  context: StepContext,
  needs: QualityNeeds,
  input: LoadResult | Dataset,
  load: LoadResult,
  settings: Settings,
  options: GateOptions,
): Promise<{ readonly report: GateReport; readonly closed: SluiceError | null }> {
  const report = {
    asset: load.asset,
    offered: load.offered,
    loaded: load.loaded,
    loadedRatio: load.offered === 0 ? 1 : load.loaded / load.offered,
  };
  const closed = (obstacle: Obstacle): SluiceError =>
    new SluiceError("GATE_CLOSED", `The gate on ${report.asset} is closed: ${obstacle.what}`, {
      hint: obstacle.hint,
      retryable: false,
      details: { ...report, limits: settings },
    });
  const obstacle = obstacleOf(load, report, settings);
  if (obstacle !== null) return { report, closed: closed(obstacle) };
  // A day that may be empty says nothing about other days.
  if (options.fall === undefined || load.offered === 0) return { report, closed: null };
  const fallen = await comparedWithUsual(context, needs, input, load.loaded, {
    fall: options.fall,
    over: options.over ?? 14,
    since: options.since === undefined ? null : Date.parse(options.since),
  });
  if (fallen.what !== null) {
    const hint = "Find out what is missing. If this is how it is from now on, say since when: gate(…, { since }).";
    return { report, closed: closed({ what: fallen.what, hint }) };
  }
  // The filled values of some rows are not those of the delivery.
  if (load.before === undefined) await recordUsual(context, needs, fallen.measurements);
  return { report, closed: null };
}

interface Obstacle {
  readonly what: string;
  readonly hint: string;
}

function obstacleOf(load: LoadResult, { loadedRatio }: GateReport, settings: Settings): Obstacle | null {
  if (load.offered === 0 && load.quarantined > 0) {
    return {
      what: `no row is valid, all ${load.quarantined} were quarantined`,
      hint: "Look into quarantine for the reason, then run the partition again.",
    };
  }
  if (load.offered === 0) {
    return settings.whenEmpty === "pass"
      ? null
      : { what: "no rows were offered", hint: 'If an empty partition is normal here, use whenEmpty: "pass".' };
  }
  if (settings.loadedRatio !== null && loadedRatio < settings.loadedRatio) {
    return {
      what: `${load.loaded} of ${load.offered} offered rows were loaded (${percent(loadedRatio)}), fewer than ${percent(settings.loadedRatio)}`,
      hint: "Find out why rows did not arrive, then run the partition again.",
    };
  }
  if (settings.minRows !== null && load.loaded < settings.minRows) {
    return {
      what: `${load.loaded} rows were loaded, fewer than ${settings.minRows}`,
      hint: "Look into quarantine and at the source, then run the partition again.",
    };
  }
  return null;
}

/** Rounded down, so that a share just below a limit never reads as the limit itself. */
function percent(share: number): string {
  return `${Math.floor(share * 100_000 + 1e-6) / 1000} %`;
}

function checkOptions(options: GateOptions): void {
  const { loadedRatio, minRows, fall, over, since } = options;
  if (loadedRatio === undefined && minRows === undefined && fall === undefined) {
    throw new SluiceError("DEFINITION_INVALID", "gate() has no condition", {
      hint: "Give it loadedRatio, minRows or fall.",
    });
  }
  if (fall !== undefined && !(fall > 0 && fall <= 1)) {
    throw new SluiceError("DEFINITION_INVALID", `gate(): fall is ${fall}`, {
      hint: "It is a share, such as 0.9 for a fall by 90 %.",
    });
  }
  if (over !== undefined && !(Number.isSafeInteger(over) && over >= 3)) {
    throw new SluiceError("DEFINITION_INVALID", `gate(): over is ${over}`, {
      hint: "It is a count of runs, 3 or more.",
    });
  }
  if (since !== undefined && Number.isNaN(Date.parse(since))) {
    throw new SluiceError("DEFINITION_INVALID", `gate(): since is "${since}"`, {
      hint: 'Write a time in ISO 8601, such as "2026-01-05".',
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
