// Which partitions a backfill is to run, as it is typed.
import type { BackfillMode } from "../engine/stores/instruction.ts";
import { SluiceError } from "../errors.ts";
import type { DynamicKeys, Partitions, PartitionSelection } from "../pipeline/partition.ts";
import { selectionFrom } from "../pipeline/typed-selection.ts";
import type { CommandInput, OptionDefinition } from "./command.ts";

export const backfillOptions: readonly OptionDefinition[] = [
  { name: "from", value: "key", description: "first partition; of several dimensions, day=2011-01-04", several: true },
  { name: "to", value: "key", description: "last partition, included", several: true },
  {
    name: "partition",
    value: "keys",
    description: "these partitions, with commas between; of several dimensions, region=eu,us",
    several: true,
  },
  { name: "all", description: "every partition; of time, those that have ended" },
  {
    name: "only",
    value: "which",
    description: "of those, the ones that never succeeded (the default), or whose newest run failed",
    choices: ["missing", "failed"],
  },
  { name: "reprocess", description: "run every one of them, even those that succeeded" },
  {
    name: "parallel",
    value: "n",
    description: "runs at the same time (default: twice the worker processes)",
    number: { maximum: 1024 },
  },
  { name: "dry-run", description: "say what would run, and how long it may take; run nothing" },
  { name: "no-wait", description: "ask for it and end; a scheduler runs it (sluice serve)" },
];

export function modeOf(input: CommandInput): BackfillMode {
  const only = input.text("only") as "missing" | "failed" | undefined;
  if (!input.flag("reprocess")) return only ?? "missing";
  if (only === undefined) return "all";
  throw new SluiceError("USAGE", "--only and --reprocess can't be given together", {
    hint: "Say with one of them which partitions are to run.",
  });
}

/** USAGE where it is not said, or said twice, which partitions are meant. */
export function checkTyped(input: CommandInput): void {
  const named = ["from", "to", "partition"].some((option) => input.texts(option).length > 0);
  if (named && input.flag("all")) {
    throw new SluiceError("USAGE", "--all can't be given with --from, --to or --partition", { hint: "Leave it out." });
  }
  if (!named && !input.flag("all")) {
    throw new SluiceError("USAGE", `Which partitions of ${input.argument("pipeline")} to backfill is not said`, {
      hint: "Give --from and --to, or --partition, or --all.",
    });
  }
}

export function typedSelection(input: CommandInput, partitions: Partitions, dynamic: DynamicKeys): PartitionSelection {
  const [from, to, keys] = [input.texts("from"), input.texts("to"), input.texts("partition")];
  return selectionFrom(partitions, { from, to, keys }, dynamic);
}
