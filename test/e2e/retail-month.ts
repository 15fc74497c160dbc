// The example on its made-up month: the same on every machine, whatever data lies beside the repository.
import { join } from "node:path";
import { ensureMonth } from "../../examples/retail/data/day-files.ts";
import { generateMonth, type Day } from "../../examples/retail/data/generate.ts";
import { temporaryFolder } from "./command.ts";

export interface RetailMonth {
  /** Holds the day files; to be removed by whoever asked for it. */
  readonly folder: string;
  /** What is known of each open day, from the generator. */
  readonly days: readonly Day[];
  /** The environment that has the example use these files, with no server. */
  readonly env: Readonly<Record<string, string>>;
}

export function retailMonth(): RetailMonth {
  const folder = temporaryFolder("month");
  const lines = join(folder, "lines");
  ensureMonth(lines);
  return { folder, days: generateMonth(), env: { RETAIL_DIR: lines, DATABASE_URL: "", WAREHOUSE_URL: "" } };
}
