// sluice connections list: what the project is connected to, with settings as they stand in the code.
import { listConnections } from "../../embedded/connections.ts";
import type { Json } from "../../json.ts";
import type { CommandContext, CommandDefinition } from "../command.ts";
import { formatTable } from "../table.ts";

export const command: CommandDefinition = {
  examples: ["sluice connections list", "sluice connections list --json | jq -r '.[].name'"],
  description:
    "Lists the connections of sluice.config.ts. References are shown as env(NAME) and file(PATH), without their values; " +
    "secrets that stand in the code are hidden.",
  run,
};

async function run(context: CommandContext): Promise<number> {
  const connections = await listConnections(await context.configPath());
  await context.output.result(connections, () =>
    formatTable(
      [{ title: "connection" }, { title: "vendor" }, { title: "settings" }],
      connections.map(({ name, vendor, settings }) => [name, vendor, settingsText(settings) || "-"]),
    ),
  );
  if (connections.length === 0) context.output.note("sluice.config.ts defines no connection");
  return 0;
}

/** The texts in the settings, with where they are: `url=env(DATABASE_URL)`. Numbers and switches are in the JSON. */
function settingsText(value: Json, path = ""): string {
  if (typeof value === "string") return `${path}=${value}`;
  if (typeof value !== "object" || value === null) return "";
  return Object.entries(value)
    .map(([key, item]) => settingsText(item ?? null, path === "" ? key : `${path}.${key}`))
    .filter((text) => text !== "")
    .join(" ");
}
