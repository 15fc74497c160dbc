// Structured logging as a small interface that is passed in, and redaction of secrets by key and by value.

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, unknown>>;

export interface LogLine {
  /** Milliseconds since the epoch, UTC. */
  readonly at: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields?: LogFields;
}

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Makes a log that hands each line, already redacted, to `write`. */
export function createLog(write: (line: LogLine) => void, now: () => number, redactor?: Redactor): Log {
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    const clean = redactor ?? { text: (text: string) => text, value: <T>(value: T) => value };
    const line = { at: now(), level, message: clean.text(message) };
    write(fields === undefined ? line : { ...line, fields: clean.value(fields) });
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

export const silentLog: Log = createLog(() => {}, () => 0);

export interface Redactor {
  /** Remembers a secret, so that it is replaced wherever it appears from now on. */
  add(secret: string): void;
  text(text: string): string;
  value<T>(value: T): T;
}

const mask = "[redacted]";
const secretKey = /^(?:.*[_-])?(?:password|passwd|pwd|secret|token|api[_-]?key|authorization|credential|cookie)s?$/i;
const urlPassword = /\b([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s@/]+@/gi;

/** Redacts by key (`password`, `token` …), by value (every secret it was told of) and passwords in URLs. */
export function createRedactor(): Redactor {
  const secrets = new Set<string>();
  const text = (input: string): string => {
    let output = input.replace(urlPassword, `$1:${mask}@`);
    for (const secret of secrets) output = output.replaceAll(secret, mask);
    return output;
  };
  const value = (input: unknown): unknown => {
    if (typeof input === "string") return text(input);
    if (Array.isArray(input)) return input.map(value);
    if (typeof input !== "object" || input === null) return input;
    return Object.fromEntries(
      Object.entries(input).map(([key, item]) => [key, secretKey.test(key) ? mask : value(item)]),
    );
  };
  return {
    // Replacing one- to three-letter strings everywhere would destroy the log and hide nothing.
    add: (secret) => void (secret.length > 3 && secrets.add(secret)),
    text,
    value: <T>(input: T) => value(input) as T,
  };
}
