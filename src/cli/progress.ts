// Live progress on stderr: at a terminal one line that is rewritten, elsewhere a few lines that can be read in a log.
// It never prints more than a line per finished step of a single run, or one every few seconds of a backfill; and it
// says so when a run waits for a person.
import type { AttemptLogLine, RunRecord, StoredStep } from "../engine/stores/run-store.ts";
import {
  isEnd,
  type ItemState,
  type ItemStatus,
  type RunState,
  type StepState,
} from "../engine/state-machine/state.ts";
import type { Plan } from "../pipeline/plan.ts";
import { shellWord } from "../monitor/sentence.ts";
import type { Io } from "./io.ts";
import { formatCount, formatDuration, oneLine, plural } from "./table.ts";

export interface Progress {
  readonly onChange: (run: RunRecord, state: RunState) => void;
  /** The same of a run that another process runs. */
  readonly onSteps: (run: RunRecord, steps: readonly StoredStep[]) => void;
  readonly onLog: (line: Pick<AttemptLogLine, "step" | "level" | "message">) => void;
  /** How many runs of a backfill have ended, as its record says. */
  readonly onCount: (title: string, ended: number, failed: number, total: number) => void;
  /** A line that stays, above what is rewritten. */
  readonly say: (text: string) => void;
  /** Removes the rewritten line. */
  stop(): void;
}

export interface ProgressOptions {
  readonly io: Io;
  readonly now: () => number;
  /** The plan of a run, for what its steps wait for; undefined while it is not known. */
  readonly plan?: (run: RunRecord) => Plan | undefined;
  /** Shows how many runs have ended, not what their steps do. */
  readonly many?: boolean;
}

/** Milliseconds between lines about the same where stderr is no terminal. */
const quietPeriod = 5_000;
/** Milliseconds between rewrites of the line at a terminal. */
const redrawPeriod = 80;
/** Warnings of steps that are passed on; the rest is in the logs. */
const warningLimit = 20;

type ShownStep = Pick<
  StepState,
  "status" | "failures" | "attempts" | "rows" | "error" | "awaits" | "startedAt" | "wakeAt"
> & { readonly name: string; readonly items: readonly ItemState[] | Readonly<Record<ItemStatus, number>> | null };

export function createProgress({ io, now, plan, many = false }: ProgressOptions): Progress {
  const { stderr } = io;
  const startedAt = now();
  const said = new Set<string>();
  /** The steps of runs under way, as they were told last. */
  const seen = new Map<string, RunState["steps"]>();
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
  const drawsNow = (): boolean => stderr.isTTY && now() - lastDraw >= redrawPeriod;
  const draw = (text: string): void => {
    lastDraw = now();
    void stderr.write(`\r\u001b[2K${text.slice(0, stderr.columns - 1)}`);
    drawn = true;
  };
  /** Is it time for another line where nothing can be rewritten? */
  const speaksNow = (): boolean => {
    if (stderr.isTTY || now() - lastLine < quietPeriod) return false;
    lastLine = now();
    return true;
  };
  /** Says a thing once. */
  const once = (key: string, text: () => string): void => {
    if (said.has(key)) return;
    said.add(key);
    say(text());
  };

  const showStep = (run: RunRecord, title: string, step: ShownStep): void => {
    const key = `${run.id} ${step.name}`;
    if (step.status === "retrying") {
      once(
        `${key} ${step.failures}`,
        () => `${title}: ${step.name} is tried again after ${oneLine(step.error?.message ?? "a failure")}`,
      );
    } else if (step.status === "held" && step.awaits === "decision")
      once(`${key} held`, () => `${title}: ${decisionText(run, step, plan?.(run))}`);
    else if (step.status === "held")
      once(`${key} held`, () => `${title}: ${step.name} waits for other runs; see: sluice why ${shellWord(run.id)}`);
    else if (step.status === "sleeping")
      once(`${key} sleeping`, () => `${title}: the condition of ${step.name} is not met yet`);
    else if (isEnd(step.status) && step.status !== "failed" && !stderr.isTTY)
      once(`${key} end`, () => `${title}: ${step.name} ${step.status}${rowsOf(step.rows)}`);
  };

  const showRun = (run: RunRecord, shown: () => readonly ShownStep[]): void => {
    if (run.status !== "running") return;
    if (drawsNow()) {
      const steps = shown();
      const ended = steps.filter((step) => isEnd(step.status)).length;
      const active = steps.filter((step) => !isEnd(step.status) && step.status !== "waiting").map(activeText);
      draw(
        `${runTitle(run)}  ${ended}/${steps.length} steps  ${active.join(", ")}  ${formatDuration(now() - startedAt)}`,
      );
    } else if (speaksNow()) {
      for (const step of shown()) if (step.status === "mapped") say(`${runTitle(run)}: ${activeText(step)} items`);
    }
  };

  return {
    onChange: (run, state) => {
      if (many) return;
      const title = runTitle(run);
      const before = seen.get(run.id);
      let mapped = false;
      for (const [name, step] of state.steps) {
        // What has not changed is the same object, and a run may have a thousand steps.
        if (before?.get(name) !== step) showStep(run, title, { ...step, name });
        mapped ||= step.status === "mapped";
      }
      if (run.status === "running") seen.set(run.id, state.steps);
      else seen.delete(run.id);
      if (stderr.isTTY || mapped) showRun(run, () => [...state.steps].map(([name, step]) => ({ ...step, name })));
    },
    onSteps: (run, steps) => {
      if (many) return;
      const title = runTitle(run);
      for (const step of steps) showStep(run, title, step);
      showRun(run, () => steps);
    },
    onLog: (line) => {
      if (line.level !== "warn" && line.level !== "error") return;
      warnings += 1;
      if (warnings <= warningLimit) say(`${line.step} ${line.level}: ${oneLine(line.message)}`);
      else if (warnings === warningLimit + 1) say("more warnings are in: sluice logs RUN");
    },
    onCount: (title, ended, failed, total) => {
      const failures = failed > 0 ? `, ${formatCount(failed)} failed` : "";
      const text = (): string =>
        `${title}  ${formatCount(ended)}/${plural(total, "run")}${failures}  ${formatDuration(now() - startedAt)}`;
      if (drawsNow()) draw(text());
      else if (speaksNow()) say(text());
    },
    say,
    stop: clear,
  };
}

/** "retail_daily 2011-01-04", or the pipeline's name alone. */
export function runTitle(run: Pick<RunRecord, "pipeline" | "partition">): string {
  return run.partition === null ? run.pipeline : `${run.pipeline} ${run.partition}`;
}

/** What a person is asked, and what to type. */
function decisionText(run: RunRecord, step: ShownStep, plan: Plan | undefined): string {
  const control = plan?.steps.find((planned) => planned.name === step.name)?.control;
  const words = `${shellWord(run.id)} ${step.name}`;
  const asked = control?.type === "approve" ? `: ${oneLine(control.message)}` : "";
  const deadline =
    control?.type === "approve" && control.deadlineMs !== null && step.startedAt !== null
      ? `, before ${new Date(step.startedAt + control.deadlineMs).toISOString()}`
      : "";
  return `${step.name} waits for a person to decide${asked}\n  sluice approve ${words}   or   sluice reject ${words}${deadline}`;
}

function activeText(step: ShownStep): string {
  if (step.status === "mapped" && step.items !== null) {
    const { ended, total } = countItems(step.items);
    return `${step.name} ${formatCount(ended)}/${formatCount(total)}`;
  }
  return step.status === "queued" || step.status === "mapped" ? step.name : `${step.name} (${step.status})`;
}

function countItems(items: NonNullable<ShownStep["items"]>): { readonly ended: number; readonly total: number } {
  if (Array.isArray(items)) {
    const open = (items as readonly ItemState[]).filter(({ status }) => status === "queued" || status === "retrying");
    return { ended: items.length - open.length, total: items.length };
  }
  const counts = items as Readonly<Record<ItemStatus, number>>;
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return { ended: total - counts.queued - counts.retrying, total };
}

function rowsOf(rows: ShownStep["rows"]): string {
  if (rows === null) return "";
  const set = [
    rows.duplicate > 0 ? `${rows.duplicate} duplicate` : "",
    rows.quarantined > 0 ? `${rows.quarantined} quarantined` : "",
  ].filter((text) => text !== "");
  return ` (${plural(rows.in, "row")} in, ${rows.out} out${set.length === 0 ? "" : `, ${set.join(", ")}`})`;
}
