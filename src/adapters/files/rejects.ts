// Rows of files that can't be read, on their way to quarantine: kept in a temporary file, so that any number fits in memory.
import { appendFileSync, createReadStream, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import type { RejectedRow } from "../../connect/rejected-rows.ts";
import type { SourceContext } from "../../connect/source.ts";
import { SluiceError } from "../../errors.ts";

export interface Rejects {
  add(row: RejectedRow): void;
  /** How many were added. */
  readonly count: number;
  /** Hands all of them over, also when there are none: what an earlier run set aside goes. Returns how many. */
  settle(context: SourceContext, what: string): Promise<number>;
  /** Removes the temporary file. */
  dispose(): void;
}

/** Text that is held before it is written, in characters. */
const heldText = 1 << 20;

export function createRejects(context: Pick<SourceContext, "artifacts">): Rejects {
  let path: string | null = null;
  let held: string[] = [];
  let size = 0;
  let count = 0;
  const write = (): void => {
    path ??= context.artifacts.temporary(".jsonl");
    appendFileSync(path, held.join(""));
    [held, size] = [[], 0];
  };
  async function* batches(): AsyncGenerator<readonly RejectedRow[]> {
    if (path !== null) {
      let batch: RejectedRow[] = [];
      const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
      for await (const line of lines) {
        batch.push(JSON.parse(line) as RejectedRow);
        if (batch.length === 500) {
          yield batch;
          batch = [];
        }
      }
      yield batch;
    }
    yield held.map((line) => JSON.parse(line) as RejectedRow);
  }
  return {
    get count() {
      return count;
    },
    add: (row) => {
      // No raw line end is left in JSON, but readline takes U+2028 for one.
      const line = `${JSON.stringify(row).replace(/[\u2028\u2029\u0085]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`)}\n`;
      held.push(line);
      size += line.length;
      count += 1;
      if (size > heldText) write();
    },
    settle: async (context, what) => {
      const kept = await context.reject(what, batches());
      if (kept === count) return kept;
      throw new SluiceError(
        "ACCOUNTING",
        `${count} rows of ${what} were to be set aside, but quarantine holds ${kept}`,
        {
          hint: "Please report this: nothing was loaded.",
        },
      );
    },
    dispose: () => {
      if (path !== null) rmSync(path, { force: true });
    },
  };
}
