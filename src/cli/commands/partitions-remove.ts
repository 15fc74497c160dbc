// sluice partitions remove: keys leave a dynamic set of partitions.
import type { CommandDefinition } from "../command.ts";
import { instructOnly } from "../instruct-only.ts";
import { plural } from "../table.ts";

export const command: CommandDefinition = {
  examples: ["sluice partitions remove customers acme"],
  description: "Removes keys from a dynamic set of partitions. Their runs, and what those have written, stay.",
  arguments: [
    { name: "set", description: "name of the set, as in dynamicPartitions(…)" },
    { name: "key", description: "keys to remove", several: true },
  ],
  run: (context, input) => {
    const set = input.argument("set");
    const keys = [...new Set(input.words("key"))];
    return instructOnly(context, { type: "remove-partitions", set, keys }, (result) => {
      const { changed } = result as { changed: number };
      return { value: { set, removed: changed }, text: `${plural(changed, "partition")} removed from ${set}\n` };
    });
  },
};
