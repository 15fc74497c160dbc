// Waiting until everything that is ready has happened: promises and `setImmediate`, nothing else. The engine has no other
// way to go on by itself, so that what comes next is for the world to say.

export interface Stillness {
  /** Resolves when nothing in this process can go on by itself. */
  reached(): Promise<void>;
  end(): void;
}

/** Takes `setImmediate` over until `end`: otherwise nobody could tell whether somebody still waits for it. */
export function watchStillness(): Stillness {
  const real = globalThis.setImmediate;
  let waiting: (() => void)[] = [];
  const held = (callback: (...given: unknown[]) => void, ...given: unknown[]): void => {
    waiting.push(() => callback(...given));
  };
  globalThis.setImmediate = held as unknown as typeof setImmediate;
  const turn = (): Promise<void> => new Promise((resolve) => void real(resolve));
  return {
    reached: async () => {
      await turn();
      while (waiting.length > 0) {
        const due = waiting;
        waiting = [];
        for (const callback of due) callback();
        await turn();
      }
    },
    end: () => {
      globalThis.setImmediate = real;
      for (const callback of waiting) real(callback);
    },
  };
}
