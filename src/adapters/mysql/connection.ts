// One connection to MySQL or MariaDB for one piece of work: opened, watched for cancellation, closed. The package mysql2 is
// loaded at the first use. Errors come out as one line without the password.
import type { Readable } from "node:stream";
import type { Connection, Setting } from "../../config.ts";
import type { MysqlSettings } from "../../connect/mysql.ts";
import { SluiceError } from "../../errors.ts";
import { explainMysql, type Side } from "./failure.ts";

/** A column of a result, as the server describes it. */
export interface Field {
  readonly name: string;
  /** The protocol's code of the type. */
  readonly columnType: number;
  readonly columnLength: number;
  readonly flags: number;
  readonly characterSet: number;
  readonly decimals: number;
}

export interface Result {
  /** Values in the order of the fields, as the server's own text; of a statement without rows, none. */
  readonly rows: readonly (readonly (string | null)[])[];
  readonly fields: readonly Field[];
  readonly affected: number;
}

/** What a value of a row is made of: its bytes, and the text they are; null for null. */
export interface RawValue {
  buffer(): Buffer | null;
  string(): string | null;
}

export interface MysqlClient {
  /** One statement, without values. */
  query(text: string): Promise<Result>;
  /** The rows of a statement as they arrive; each value is what `cast` makes of it. */
  stream(text: string, cast: (value: RawValue & { readonly name: string }) => string): Readable;
  /** Drops the connection without a word: for when the server is in the middle of sending. */
  abandon(): void;
}

export interface MysqlContext {
  readonly signal: AbortSignal;
  readonly resolve: (setting: Setting) => string;
}

/** Opens a connection for `work` and closes it after. Aborting the signal stops what the server is doing for it. */
export async function withMysql<T>(
  connection: Connection,
  side: Side,
  context: MysqlContext,
  work: (client: MysqlClient) => Promise<T>,
): Promise<T> {
  context.signal.throwIfAborted();
  const url = context.resolve((connection.settings as unknown as MysqlSettings).url);
  const place = describePlace(connection.name, url);
  const { createConnection } = await loadPackage(connection.name);
  const open = (): ReturnType<typeof createConnection> =>
    createConnection({ uri: url, charset: "utf8mb4", connectTimeout: 10_000, multipleStatements: false });
  const client = open();
  // A connection that is lost between two statements is reported by the next one.
  client.on("error", () => {});
  const onAbort = (): void => void kill(open, client.threadId).finally(() => client.destroy());
  context.signal.addEventListener("abort", onAbort, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      client.connect((error) => (error === null ? resolve() : reject(error)));
    });
    context.signal.throwIfAborted();
    return await work({
      query: (sql) =>
        new Promise((resolve, reject) => {
          const typeCast = (value: RawValue): string | null => value.string();
          client.query({ sql, rowsAsArray: true, typeCast: typeCast as never }, (error, rows: unknown, fields) => {
            if (error !== null) return reject(error);
            const affected = (rows as { affectedRows?: number }).affectedRows ?? 0;
            const found = Array.isArray(rows) ? (rows as Result["rows"]) : [];
            resolve({ rows: found, fields: (fields ?? []) as unknown as readonly Field[], affected });
          });
        }),
      stream: (sql, cast) =>
        client.query({ sql, rowsAsArray: true, typeCast: cast as never }).stream({ highWaterMark: 512 }),
      abandon: () => client.destroy(),
    });
  } catch (error) {
    context.signal.throwIfAborted();
    throw explainMysql(error, side, place);
  } finally {
    context.signal.removeEventListener("abort", onAbort);
    await close(client);
  }
}

interface Ending {
  end(done: () => void): void;
  destroy(): void;
}

interface Killing extends Ending {
  query(text: string, done: () => void): unknown;
  on(event: "error", listener: () => void): unknown;
}

/** Asks the server, through another connection, to stop. Best effort: losing the connection stops it as well, only later. */
async function kill(open: () => Killing, thread: number | null | undefined): Promise<void> {
  if (typeof thread !== "number") return;
  const other = open();
  other.on("error", () => {});
  await new Promise<void>((resolve) => other.query(`kill query ${thread}`, resolve));
  await close(other);
}

/** Says goodbye, for a second at most: a server that doesn't answer must not keep a step from ending. */
async function close(client: Ending): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      client.destroy();
      resolve();
    }, 1000);
    client.end(() => {
      clearTimeout(timer);
      resolve();
    });
  });
  client.destroy();
}

/** `connection "shop" (user@host:3306/shop)`: what an error may say about where it happened. */
function describePlace(name: string, url: string): string {
  if (!/^(mysql|mariadb):\/\//.test(url) || !URL.canParse(url)) {
    throw new SluiceError("CONFIG_INVALID", `The URL of the connection "${name}" is not a MySQL address`, {
      hint: 'Write it as "mysql://user:password@host:3306/database", special characters in the password percent-encoded.',
    });
  }
  const { username, host, pathname } = new URL(url);
  return `connection "${name}" (${username === "" ? "" : `${username}@`}${host}${pathname})`;
}

async function loadPackage(name: string): Promise<typeof import("mysql2")> {
  try {
    const { default: mysql } = await import("mysql2");
    return mysql as unknown as typeof import("mysql2");
  } catch (cause) {
    throw new SluiceError("DEPENDENCY_MISSING", `The connection "${name}" needs a package that is not installed`, {
      hint: "npm install mysql2",
      cause,
    });
  }
}
