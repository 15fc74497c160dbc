// Writes the generated month as day files, all of them or none: whoever sees the folder sees it whole, however many
// processes make it at once.
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { generateMonth, monthDays } from "./generate.ts";

/** Makes `folder` with a `YYYY-MM-DD.csv.gz` for each open day, unless it is there already. */
export function ensureMonth(folder: string): void {
  const isThere = (): boolean => existsSync(join(folder, `${monthDays.first}.csv.gz`));
  if (isThere()) return;
  const temporary = join(dirname(folder), `.making-${randomUUID()}`);
  mkdirSync(temporary, { recursive: true });
  try {
    for (const day of generateMonth()) writeFileSync(join(temporary, `${day.date}.csv.gz`), compress(day.text));
    renameSync(temporary, folder);
  } catch (error) {
    // Another process was first: its folder holds the same lines.
    if (!isThere()) throw error;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Gzip without a trace of when (bytes 4 to 7) or on which system (byte 9: unknown) it was made. */
export function compress(text: string): Buffer {
  const packed = gzipSync(text);
  packed.fill(0, 4, 8);
  packed[9] = 255;
  return packed;
}
