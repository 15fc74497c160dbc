// Judges lines with the patterns and without them, and counts those that the validator was asked about.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Contract } from "../../../../src/quality/contract.ts";
import { judgeLines } from "../../../../src/quality/json-lines.ts";
import type { KnownLines } from "../../../../src/quality/line-pattern/known-lines.ts";
import type { QuarantinedRow } from "../../../../src/quality/quarantine-store.ts";

export interface JudgedLines {
  readonly rows: number;
  readonly failing: readonly QuarantinedRow[];
  /** How many lines were parsed and handed to the validator. */
  readonly asked: number;
}

const noLines: KnownLines = { endOfValid: () => -1, learn: () => {} };

/** Both ways of judging the same bytes. */
export async function bothWays(
  contract: Contract,
  content: string | Uint8Array,
): Promise<{ readonly quick: JudgedLines; readonly slow: JudgedLines }> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-lines-"));
  try {
    const file = join(folder, "rows.jsonl");
    writeFileSync(file, content);
    return { quick: await judged(contract, file), slow: await judged(contract, file, noLines) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function judged(contract: Contract, file: string, known?: KnownLines): Promise<JudgedLines> {
  let asked = 0;
  const counted: Contract = {
    ...contract,
    accepts: (value) => {
      asked += 1;
      return contract.accepts(value);
    },
  };
  const failing: QuarantinedRow[] = [];
  const rows = await judgeLines(
    counted,
    file,
    (record, reasons, row) => failing.push({ record, row: row(), reasons }),
    known,
  );
  return { rows, failing, asked };
}
