// What a command may touch of the process it runs in: two streams, the working folder, interrupts. Tests pass their own.

export interface TextStream {
  /** Resolves when the stream can take more. */
  write(text: string): Promise<void>;
  readonly isTTY: boolean;
  /** Width in characters; 80 where it isn't known. */
  readonly columns: number;
  /** Has the reader gone, as `| head` does? What is written from then on is dropped. */
  readonly closed: boolean;
}

export interface Io {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  /** Where the command was given. */
  readonly cwd: string;
  /** Calls `handler` for each interrupt, in place of ending the process; returns what takes that back. */
  onInterrupt(handler: (signal: "SIGINT" | "SIGTERM") => void): () => void;
  /** Ends the process at once. */
  exit(code: number): void;
}

/** The real process. Without a handler, an interrupt ends it with 130. */
export function processIo(): Io {
  const handlers = new Set<(signal: "SIGINT" | "SIGTERM") => void>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (handlers.size === 0) process.exit(signal === "SIGINT" ? 130 : 143);
      for (const handler of handlers) handler(signal);
    });
  }
  return {
    stdout: textStream(process.stdout),
    stderr: textStream(process.stderr),
    cwd: process.cwd(),
    onInterrupt: (handler) => {
      handlers.add(handler);
      return () => void handlers.delete(handler);
    },
    exit: (code) => process.exit(code),
  };
}

function textStream(stream: NodeJS.WriteStream): TextStream {
  let closed = false;
  let release = (): void => {};
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    // A reader that has seen enough is no failure.
    closed = true;
    release();
  });
  return {
    write: async (text) => {
      if (closed || stream.write(text)) return;
      await new Promise<void>((resolve) => {
        release = resolve;
        stream.once("drain", resolve);
      });
    },
    isTTY: stream.isTTY === true,
    get columns() {
      // A terminal that does not know its width says 0.
      return stream.columns || 80;
    },
    get closed() {
      return closed;
    },
  };
}
