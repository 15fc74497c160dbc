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

export const silentLog: Log = createLog(
  () => {},
  () => 0,
);

export interface Redactor {
  /** Remembers a secret, so that it is replaced wherever it appears from now on. */
  add(secret: string): void;
  text(text: string): string;
  value<T>(value: T): T;
}

const mask = "[redacted]";
const secretKey =
  /(?:^|[_-])(?:password|passwd|pwd|passphrase|secret|token|(?:api|access|private|secret)[_-]?key|authorization|credential|cookie)s?$/i;
// A password may hold an @ of its own; the last one before the path is where the host begins.
const urlPassword = /\b([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s/"']+@/gi;

/** Redacts by key (`password`, `accessToken` …), by value (every secret it was told of) and passwords in URLs. */
export function createRedactor(): Redactor {
  const secrets = new Set<string>();
  let pattern: RegExp | null = null;
  const text = (input: string): string =>
    (pattern === null ? input : input.replace(pattern, mask)).replace(urlPassword, `$1:${mask}@`);
  const value = (input: unknown, within: readonly object[]): unknown => {
    if (typeof input === "string") return text(input);
    if (typeof input !== "object" || input === null) return input;
    if (within.includes(input)) return "[circular]";
    if (input instanceof Date) return Number.isNaN(input.getTime()) ? null : input.toISOString();
    if (input instanceof Error) return text(`${input.name}: ${input.message}`);
    const inside = [...within, input];
    if (Array.isArray(input)) return input.map((item) => value(item, inside));
    return Object.fromEntries(
      Object.entries(input).map(([key, item]) => [text(key), hides(key, item) ? mask : value(item, inside)]),
    );
  };
  return {
    add: (secret) => {
      // Replacing one- to three-letter strings everywhere would destroy the log and hide nothing.
      for (const form of formsOf(secret)) if (form.length > 3) secrets.add(form);
      // The longest first: a secret that begins with another must not leave its rest behind.
      const inOrder = [...secrets].sort((a, b) => b.length - a.length);
      pattern = inOrder.length === 0 ? null : new RegExp(inOrder.map(escapePattern).join("|"), "g");
    },
    text,
    value: <T>(input: T) => value(input, []) as T,
  };
}

/** Is the value under this key a secret? A yes, a no and a number of tokens are not. */
function hides(key: string, item: unknown): boolean {
  if (item === null || item === undefined || typeof item === "boolean") return false;
  if (typeof item === "number" && /tokens$/i.test(key)) return false;
  return secretKey.test(key.replace(/([a-z\d])([A-Z])/g, "$1_$2"));
}

/** How a secret may appear: as it is, inside JSON, inside a URL; and, of a URL, the password alone. */
function formsOf(secret: string): string[] {
  const forms = [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret.toWellFormed())];
  const password = URL.canParse(secret) ? new URL(secret).password : "";
  return password === "" ? forms : [...forms, password, decoded(password)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
