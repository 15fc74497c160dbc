// Where this example's day files are. `RETAIL_DIR` names a folder of `YYYY-MM-DD.csv.gz`; without it the real year of
// sales is used where it lies beside the repository, and a made-up month where it doesn't (made at the first call).
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { ensureMonth } from "./data/day-files.ts";

const folder = import.meta.dirname;
const sharedYear = join(folder, "../../../shared/data/retail");

/** Absolute path of the folder of day files. */
export function retailFolder(): string {
  const given = process.env["RETAIL_DIR"];
  if (given) {
    const path = resolve(given);
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory())
      throw new Error(`RETAIL_DIR is ${path}, which is not a folder`);
    return path;
  }
  if (existsSync(sharedYear)) return sharedYear;
  const generated = join(folder, "data/generated/lines");
  ensureMonth(generated);
  return generated;
}

/** First day that has a file, and the day `days` - 1 later, as "YYYY-MM-DD". */
export function firstDays(days: number): { readonly from: string; readonly to: string } {
  const files = readdirSync(retailFolder())
    .filter((name) => /^\d{4}-\d{2}-\d{2}\.csv\.gz$/.test(name))
    .sort();
  const first = files[0]?.slice(0, 10);
  if (first === undefined) throw new Error(`There is no YYYY-MM-DD.csv.gz in ${retailFolder()}`);
  const last = new Date(Date.parse(first) + (days - 1) * 86_400_000);
  return { from: first, to: last.toISOString().slice(0, 10) };
}
