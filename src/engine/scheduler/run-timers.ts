// The timers of runs: what a run has asked to be woken for becomes an event when its time comes. Taking a timer back is
// never needed for what is right, only to save a wake-up: an event that no longer matters changes nothing.
import { placeName, type ActiveRun } from "./active-runs.ts";
import type { Command, RunEvent } from "../state-machine/state.ts";
import type { Timer } from "./timer.ts";

type SetTimer = Extract<Command, { readonly type: "set-timer" | "set-run-timer" }>;

export interface RunTimers {
  set(run: ActiveRun, command: SetTimer): void;
  /** Does any attempt wait for its retry? */
  retriesPending(): boolean;
}

export function createRunTimers(timer: Timer, push: (run: ActiveRun, event: RunEvent) => void): RunTimers {
  const retries = new Set<{ readonly run: ActiveRun; readonly command: SetTimer }>();

  return {
    set: (run, command) => {
      const name = nameOf(command);
      run.timers.get(name)?.();
      const retry = command.type === "set-timer" && command.timer === "retry" ? { run, command } : null;
      if (retry !== null) retries.add(retry);
      const cancel = timer(command.at, () => {
        run.timers.delete(name);
        if (retry !== null) retries.delete(retry);
        push(run, eventOf(command));
      });
      run.timers.set(name, () => {
        cancel();
        if (retry !== null) retries.delete(retry);
      });
    },
    retriesPending: () => {
      for (const entry of retries) {
        if (isPending(entry.run, entry.command)) return true;
        retries.delete(entry);
      }
      return false;
    },
  };
}

function nameOf(command: SetTimer): string {
  if (command.type === "set-run-timer") return `run ${command.timer}`;
  return `${command.timer} ${placeName(command.step, command.item)}`;
}

function eventOf(command: SetTimer): RunEvent {
  if (command.type === "set-run-timer") return { type: "run-timer-fired", timer: command.timer };
  const { step, item, epoch, timer } = command;
  return { type: "timer-fired", step, item, epoch, timer };
}

function isPending({ state }: ActiveRun, command: SetTimer): boolean {
  if (command.type !== "set-timer" || state.status !== "running") return false;
  const step = state.steps.get(command.step);
  const work = command.item === null ? step : step?.items?.[command.item];
  return work?.status === "retrying" && work.attempts === command.epoch;
}
