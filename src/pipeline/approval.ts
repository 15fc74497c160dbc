// The kind of step that waits for a person. No worker runs it: the engine holds it until somebody decides, or until
// its deadline.
import { SluiceError } from "../errors.ts";
import { milliseconds, type Duration } from "./duration.ts";
import { checkOnDeadline } from "./sensor.ts";
import type { StepSpec } from "./step.ts";
import { unattended } from "./unattended.ts";

/** What is asked, and what becomes of the step when nobody answers or somebody says no. */
export interface ApprovalOptions {
  /** What the person reads. */
  readonly message: string;
  /** From when everything before it is done. @default no limit */
  readonly deadline?: Duration;
  /** What an unanswered question comes to. @default "fail", with TASK_TIMEOUT */
  readonly onDeadline?: "fail" | "approve" | "reject";
  /** skip: the step is skipped, and what follows by its trigger rules · fail: APPROVAL_REJECTED. @default "skip" */
  readonly onReject?: "skip" | "fail";
}

/** The output of an approval: what was decided, by whom, and when in milliseconds since the epoch. */
export interface Approval {
  readonly decision: "approved";
  /** A person's name, or "deadline". */
  readonly by: string;
  readonly note: string | null;
  readonly at: number;
}

/**
 * A step that waits until a person approves: `sluice approve RUN STEP`. It holds no worker.
 *
 * ```ts
 * const ok = step("ok", approval({ message: "Publish the prices?", deadline: "24h", onDeadline: "reject" }));
 * step("publish", task({ ok }, async ({ ok }) => ok.by));
 * ```
 */
export function approval(options: ApprovalOptions): StepSpec<Approval> {
  const { message, onDeadline = "fail", onReject = "skip" } = options;
  if (typeof message !== "string" || message.trim() === "") {
    throw new SluiceError("DEFINITION_INVALID", "An approval asks nothing", {
      hint: 'Write what is to be decided: approval({ message: "Publish the prices?" }).',
    });
  }
  checkOnDeadline("an approval", onDeadline, ["fail", "approve", "reject"]);
  if (onReject !== "skip" && onReject !== "fail") {
    throw new SluiceError("DEFINITION_INVALID", `onReject: "${String(onReject)}" means nothing to an approval`, {
      hint: 'Write "skip" or "fail".',
    });
  }
  return {
    kind: "approval",
    inputs: {},
    config: {},
    control: {
      type: "approve",
      message,
      deadlineMs: options.deadline === undefined ? null : milliseconds(options.deadline),
      onDeadline,
      onReject,
    },
    execute: unattended,
  };
}
