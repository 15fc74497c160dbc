// Work that an interrupt ends cleanly: the first one cancels, the second ends the process at once.
import { exitCodes } from "./exit-codes.ts";
import type { Io } from "./io.ts";

export async function interruptible<T>(
  io: Io,
  target: { cancel(reason: string): void; close(): Promise<void> },
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly interrupted: boolean }> {
  let interrupted = false;
  const release = io.onInterrupt(() => {
    if (interrupted) {
      // Takes the workers along: one that is deaf would go on without us.
      void target.close();
      return io.exit(exitCodes.interrupted);
    }
    interrupted = true;
    void io.stderr.write("\nstopping cleanly; interrupt again to stop at once\n");
    target.cancel("interrupted");
  });
  try {
    const value = await work();
    return { value, interrupted };
  } finally {
    release();
  }
}
