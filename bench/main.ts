// npm run bench -- NAME [--quick] [--json]: runs one bench and prints its figures: as text, or as one JSON document.
import { existsSync, readdirSync } from "node:fs";
import type { Bench } from "./bench.ts";

const args = process.argv.slice(2);
const name = args.find((arg) => !arg.startsWith("--"));
const folder = new URL(`./${name ?? "-"}/main.ts`, import.meta.url);
if (name === undefined || !existsSync(folder)) {
  const names = readdirSync(new URL(".", import.meta.url), { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && existsSync(new URL(`./${entry.name}/main.ts`, import.meta.url)),
  );
  console.error(
    `usage: npm run bench -- NAME [--quick] [--json]\nbenches: ${names.map((entry) => entry.name).join(", ")}`,
  );
  process.exit(2);
}
const { bench } = (await import(folder.href)) as { bench: Bench };
const report = await bench({ quick: args.includes("--quick"), note: (line) => console.error(line) });
console.log(args.includes("--json") ? JSON.stringify(report, null, 2) : report.text);
