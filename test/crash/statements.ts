// Numbers the statements that a process sends to PostgreSQL, and tells of each once it is done: the places where a load can be
// interrupted. A COPY is told of when its first rows are under way, and again when it is done.
import type { Client } from "pg";

interface Interruptible {
  query(...given: unknown[]): unknown;
}

/** Calls `told` after each statement of any client, with the client; gives back how to stop that. */
export function tellStatements(
  prototype: Client,
  told: (number: number, client: Client) => void | Promise<void>,
): () => void {
  const target = prototype as unknown as Interruptible;
  const original = target.query;
  let number = 0;
  target.query = function query(this: Client, ...given: unknown[]): unknown {
    const result = original.apply(this, given) as Promise<unknown> | NodeJS.WritableStream | undefined;
    const tell = async (): Promise<void> => told((number += 1), this);
    if (result instanceof Promise) {
      return result.then(async (answer: unknown) => {
        await tell();
        return answer;
      });
    }
    if (result !== undefined && "write" in result) {
      const write = result.write.bind(result) as (...chunk: unknown[]) => boolean;
      let first = true;
      result.write = (...chunk: unknown[]): boolean => {
        if (first) setImmediate(() => void tell().catch(() => {}));
        first = false;
        return write(...chunk);
      };
      result.once("finish", () => void tell().catch(() => {}));
    }
    return result;
  };
  return () => {
    target.query = original;
  };
}
