// sluice partitions add: more keys for a dynamic set of partitions.
import type { CommandDefinition } from "../command.ts";
import { instructOnly } from "../instruct-only.ts";
import { plural } from "../table.ts";

export const command: CommandDefinition = {
  examples: ["sluice partitions add customers acme globex"],
  description:
    "Adds keys to a dynamic set of partitions: every pipeline whose partitions name the set has them from then on. Keys that " +
    "are there already are left as they are.",
  arguments: [
    { name: "set", description: "name of the set, as in dynamicPartitions(…)" },
    { name: "key", description: "keys to add", several: true },
  ],
  run: (context, input) => {
    const set = input.argument("set");
    const keys = [...new Set(input.words("key"))];
    return instructOnly(context, { type: "add-partitions", set, keys }, (result) => {
      const { changed } = result as { changed: number };
      return { value: { set, added: changed }, text: `${plural(changed, "partition")} added to ${set}\n` };
    });
  },
};
