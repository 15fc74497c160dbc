// One connection to PostgreSQL for one piece of work: opened, watched for cancellation, closed. The packages pg and
// pg-copy-streams are loaded at the first use. Errors come out as one line without the password.
import type { Readable, Writable } from "node:stream";
import type { Connection, Setting } from "../../config.ts";
import type { PostgresSettings } from "../../connect/postgres.ts";
import { SluiceError } from "../../errors.ts";
import { explainPostgres, type Side } from "./failure.ts";

export interface Field {
  readonly name: string;
  /** Object id of the column's type; a domain counts as the type beneath it. */
  readonly dataTypeID: number;
  /** Length, precision and scale; -1 when there is none. */
  readonly dataTypeModifier: number;
}

export interface Result {
  /** Values in the order of the fields, as PostgreSQL's own text. */
  readonly rows: readonly (readonly (string | null)[])[];
  readonly fields: readonly Field[];
}

/** `rowCount` is there once the server has answered whatever was asked next. */
export type CopyOut = Readable & { readonly rowCount: number };

export interface PostgresClient {
  /** Without values, several statements may be given at once; the answer is then that of the last one. */
  query(text: string, values?: readonly (string | number | boolean | null)[]): Promise<Result>;
  /** The bytes that `COPY … TO STDOUT` sends. */
  copyTo(text: string): CopyOut;
  /** Takes the bytes for `COPY … FROM STDIN`; `rowCount` is there once it has finished. */
  copyFrom(text: string): Writable & { readonly rowCount: number };
  /** Drops the connection without a word: for when the server is in the middle of sending. */
  abandon(): void;
}

export interface PostgresContext {
  readonly signal: AbortSignal;
  readonly resolve: (setting: Setting) => string;
}

/** Opens a connection for `work` and closes it after. Aborting the signal cancels what the server is doing for it. */
export async function withPostgres<T>(
  connection: Connection,
  side: Side,
  context: PostgresContext,
  work: (client: PostgresClient) => Promise<T>,
): Promise<T> {
  context.signal.throwIfAborted();
  const url = context.resolve((connection.settings as unknown as PostgresSettings).url);
  const place = describePlace(connection.name, url);
  const { pg, copy } = await loadPackages(connection.name);
  const open = (): InstanceType<typeof pg.Client> =>
    new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
      fallback_application_name: "sluice",
    });
  const client = open();
  // A connection that is lost between two statements is reported by the next one.
  client.on("error", () => {});
  const onAbort = (): void => void cancel(open, client).finally(() => destroy(client));
  context.signal.addEventListener("abort", onAbort, { once: true });
  try {
    await client.connect();
    const query: PostgresClient["query"] = async (text, values) => {
      const result = await client.query({
        text,
        ...(values === undefined ? {} : { values: [...values] }),
        rowMode: "array",
        // Every value as the text that PostgreSQL sends: no Date, no number that loses digits.
        types: { getTypeParser: () => (value: string) => value },
      });
      return (Array.isArray(result) ? result.at(-1) : result) as unknown as Result;
    };
    context.signal.throwIfAborted();
    return await work({
      query,
      copyTo: (text) => heard(client.query(copy.to(text))),
      copyFrom: (text) => heard(client.query(copy.from(text))),
      abandon: () => destroy(client),
    });
  } catch (error) {
    context.signal.throwIfAborted();
    throw explainPostgres(error, side, place);
  } finally {
    context.signal.removeEventListener("abort", onAbort);
    await close(client);
  }
}

/** When the connection ends, pg tells its streams, also one that nobody reads any more: unheard, that would end the process. */
function heard<S extends Readable | Writable>(stream: S): S {
  stream.on("error", () => {});
  return stream;
}

/** What pg has but its published types don't say. */
interface Inside {
  /** The server's process for this connection; null before there is one. */
  readonly processID: number | null;
  readonly connection?: { readonly stream?: { destroy(): void } };
}

interface Closable {
  end(): Promise<void>;
}

interface OtherClient extends Closable {
  connect(): Promise<unknown>;
  query(text: string, values: unknown[]): Promise<unknown>;
}

/** Asks the server, through another connection, to stop. Best effort: losing the connection stops it as well, only later. */
async function cancel(open: () => OtherClient, client: object): Promise<void> {
  const { processID } = client as Inside;
  if (processID === null) return;
  const other = open();
  try {
    await other.connect();
    await other.query("select pg_cancel_backend($1)", [processID]);
  } catch {
    // The server can't be asked; destroying the connection is what is left.
  } finally {
    await close(other);
  }
}

function destroy(client: object): void {
  (client as Inside).connection?.stream?.destroy();
}

/** Says goodbye, for a second at most: a server that doesn't answer must not keep a step from ending. */
async function close(client: Closable): Promise<void> {
  const timer = setTimeout(() => destroy(client), 1000);
  await client.end().catch(() => {});
  clearTimeout(timer);
}

/** `connection "shop" (user@host:5432/shop)`: what an error may say about where it happened. */
function describePlace(name: string, url: string): string {
  // An address without a host, "postgres://user@/shop?host=/socket/folder", is fine for PostgreSQL.
  const [hosted, none] = [url.replace("@/", "@none./"), "none."];
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(hosted)) {
    throw new SluiceError("CONFIG_INVALID", `The URL of the connection "${name}" is not a PostgreSQL address`, {
      hint: 'Write it as "postgres://user:password@host:5432/database", special characters in the password percent-encoded.',
    });
  }
  const { username, host, pathname } = new URL(hosted);
  return `connection "${name}" (${username === "" ? "" : `${username}@`}${host === none ? "" : host}${pathname})`;
}

async function loadPackages(
  name: string,
): Promise<{ pg: typeof import("pg"); copy: typeof import("pg-copy-streams") }> {
  try {
    const [pg, copy] = await Promise.all([import("pg"), import("pg-copy-streams")]);
    return {
      pg: pg.default as unknown as typeof import("pg"),
      copy: copy.default as unknown as typeof import("pg-copy-streams"),
    };
  } catch (cause) {
    throw new SluiceError("DEPENDENCY_MISSING", `The connection "${name}" needs packages that are not installed`, {
      hint: "npm install pg pg-copy-streams",
      cause,
    });
  }
}
