// Live progress on stderr: at a terminal one line that is rewritten, elsewhere a few lines that can be read in a log.
// It never prints more than a line per finished step of a single run, or one every few seconds of a backfill.
import type { AttemptLogLine, RunRecord } from "../engine/run-store.ts";
import { isEnd, type RunState } from "../engine/state.ts";
import type { Io } from "./io.ts";
import { formatDuration, oneLine, plural } from "./table.ts";

export interface Progress {
  readonly onChange: (run: RunRecord, state: RunState) => void;
  readonly onLog: (line: AttemptLogLine) => void;
  /** Removes the rewritten line. */
  stop(): void;
}

export interface ProgressOptions {
  readonly io: Io;
  readonly now: () => number;
  /** How many runs are expected; null for a single run, whose steps are shown. */
  readonly expected: () => number | null;
}

/** Milliseconds between lines of a backfill where stderr is no terminal. */
const quietPeriod = 5_000;
/** Milliseconds between rewrites of the line at a terminal. */
const redrawPeriod = 80;
/** Warnings of steps that are passed on; the rest is in the logs. */
const warningLimit = 20;

export function createProgress({ io, now, expected }: ProgressOptions): Progress {
  const { stderr } = io;
  const startedAt = now();
  const said = new Set<string>();
  const done = { succeeded: 0, failed: 0, cancelled: 0 };
  let lastLine = startedAt;
  let lastDraw = 0;
  let drawn = false;
  let warnings = 0;

  const clear = (): void => {
    if (drawn) void stderr.write("\r\u001b[2K");
    drawn = false;
  };
  const say = (text: string): void => {
    clear();
    void stderr.write(`${text}\n`);
  };
  const draw = (text: string): void => {
    if (now() - lastDraw < redrawPeriod) return;
    lastDraw = now();
    void stderr.write(`\r\u001b[2K${text.slice(0, stderr.columns - 1)}`);
    drawn = true;
  };

  const showSteps = (run: RunRecord, state: RunState): void => {
    const steps = Object.entries(state.steps);
    const title = runTitle(run);
    for (const [name, step] of steps) {
      const key = `${run.id} ${name} ${step.status === "retrying" ? step.failures : "end"}`;
      if ((!isEnd(step.status) && step.status !== "retrying") || said.has(key)) continue;
      said.add(key);
      if (step.status === "retrying")
        say(`${title}: ${name} is tried again after ${oneLine(step.error?.message ?? "a failure")}`);
      else if (step.status === "failed") continue;
      else if (!stderr.isTTY) say(`${title}: ${name} ${step.status}${rowsOf(step.rows)}`);
    }
    if (!stderr.isTTY) return;
    const ended = steps.filter(([, step]) => isEnd(step.status)).length;
    const active = steps
      .filter(([, step]) => step.status === "queued" || step.status === "retrying")
      .map(([name]) => name);
    if (state.status === "running")
      draw(`${title}  ${ended}/${steps.length} steps  ${active.join(", ")}  ${formatDuration(now() - startedAt)}`);
  };

  const showRuns = (run: RunRecord, total: number): void => {
    if (run.status !== "running" && !said.has(run.id)) {
      said.add(run.id);
      done[run.status] += 1;
    }
    const ended = done.succeeded + done.failed + done.cancelled;
    const failed = done.failed > 0 ? `, ${done.failed} failed` : "";
    const text = `${run.pipeline}  ${ended}/${plural(total, "run")}${failed}  ${formatDuration(now() - startedAt)}`;
    if (stderr.isTTY) return draw(`${text}  ${run.partition ?? ""}`);
    if (now() - lastLine < quietPeriod) return;
    lastLine = now();
    say(text);
  };

  return {
    onChange: (run, state) => {
      const total = expected();
      if (total === null) showSteps(run, state);
      else showRuns(run, total);
    },
    onLog: (line) => {
      if (line.level !== "warn" && line.level !== "error") return;
      warnings += 1;
      if (warnings <= warningLimit) say(`${line.step} ${line.level}: ${oneLine(line.message)}`);
      else if (warnings === warningLimit + 1) say("more warnings are in: sluice logs RUN");
    },
    stop: clear,
  };
}

/** "retail_daily 2011-01-04", or the pipeline's name alone. */
export function runTitle(run: Pick<RunRecord, "pipeline" | "partition">): string {
  return run.partition === null ? run.pipeline : `${run.pipeline} ${run.partition}`;
}

function rowsOf(rows: RunState["steps"][string]["rows"]): string {
  if (rows === null) return "";
  const set = [
    rows.duplicate > 0 ? `${rows.duplicate} duplicate` : "",
    rows.quarantined > 0 ? `${rows.quarantined} quarantined` : "",
  ].filter((text) => text !== "");
  return ` (${plural(rows.in, "row")} in, ${rows.out} out${set.length === 0 ? "" : `, ${set.join(", ")}`})`;
}
