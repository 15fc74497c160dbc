// Stands between a client and PostgreSQL, and cuts the connection at a statement that was drawn: before the server has it, or
// after, so that it is carried out and nobody hears of it.
import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net";

/** When a connection is cut: at the n-th message of the client after its password, counted over all connections. */
export interface Cut {
  readonly at: number;
  readonly when: "before" | "after";
}

export interface CuttingProxy {
  readonly port: number;
  /** Arms it; null lets everything through. Counting begins anew. */
  cut(cut: Cut | null): void;
  /** Messages since it was armed. */
  messages(): number;
  close(): Promise<void>;
}

export async function cuttingProxy(target: { readonly host: string; readonly port: number }): Promise<CuttingProxy> {
  let armed: Cut | null = null;
  let count = 0;
  const open = new Set<Socket>();
  const server: Server = createServer((client) => {
    const upstream = connect(target.port, target.host);
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => {
        open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    const counted = messageCounter();
    client.on("data", (chunk: Buffer) => {
      for (const [piece, message] of counted(chunk)) {
        if (message) count += 1;
        if (armed !== null && message && count === armed.at) {
          const { when } = armed;
          armed = null;
          if (when === "before") {
            client.destroy();
            upstream.destroy();
            return;
          }
          upstream.write(piece);
          client.destroy();
          // The server has it; what it answers, nobody reads.
          upstream.end();
          return;
        }
        upstream.write(piece);
      }
    });
    upstream.on("data", (chunk: Buffer) => client.write(chunk));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    cut: (cut) => {
      armed = cut;
      count = 0;
    },
    messages: () => count,
    close: () => {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Statements of the simple protocol, the parts of the extended one that do something, and the end of a COPY. */
const counting = new Set(["Q", "E", "c"].map((letter) => letter.charCodeAt(0)));

/** Splits what a client sends into whole messages, and says which of them count. The first has no type. */
function messageCounter(): (chunk: Buffer) => [Buffer, boolean][] {
  let rest: Buffer = Buffer.alloc(0);
  let started = false;
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    const found: [Buffer, boolean][] = [];
    for (;;) {
      const head = started ? 1 : 0;
      if (rest.length < head + 4) return found;
      const length = head + rest.readInt32BE(head);
      if (rest.length < length) return found;
      found.push([rest.subarray(0, length), started && counting.has(rest[0]!)]);
      rest = rest.subarray(length);
      started = true;
    }
  };
}
