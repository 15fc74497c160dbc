// Reads an HTTP API that answers in JSON: page after page into one dataset, a page in memory at a time.
import type { Auth, HttpRequest, HttpSettings } from "../../connect/http.ts";
import type { Source, SourceAdapter, SourceContext } from "../../connect/source.ts";
import { isSecret, type Setting } from "../../config.ts";
import { writeRows } from "../../dataset/write-dataset.ts";
import { isSluiceError, SluiceError } from "../../errors.ts";
import { createRedactor } from "../../log.ts";
import { faultPosition, parseJson } from "./json.ts";
import { createPager } from "./pages.ts";
import { createRecordReader, recordsOf, type TextRow } from "./records.ts";
import { get, httpTools, showUrl, type Answer, type HttpTools, type RequestContext } from "./request.ts";

/** The adapter with its own way to fetch, wait and roll dice; what is left out is the real thing. */
export function createHttpSource(tools: Partial<HttpTools> = {}): SourceAdapter {
  return (source, context) => readPages(source, context, { ...httpTools, ...tools });
}

/** Reads sources of the vendor "http". */
export const httpSource: SourceAdapter = createHttpSource();

async function readPages(source: Source, context: SourceContext, tools: HttpTools): ReturnType<SourceAdapter> {
  const settings = source.connection!.settings as unknown as HttpSettings;
  const request = source.request as unknown as HttpRequest;
  const redactor = createRedactor();
  const resolve = (setting: Setting): string => {
    const value = context.resolve(setting);
    if (!isSecret(setting)) return value;
    redactor.add(value);
    redactor.add(encodeURIComponent(value));
    return value;
  };
  const start = addressOf(context.resolve(settings.url), request, resolve, source.connection!.name);
  const headers = headersOf(settings, request, resolve);
  // A server may say back what it was sent; user and password are sent in another form than they are given in.
  if (settings.auth?.by === "basic") redactor.add(headers["authorization"]!.replace("Basic ", ""));
  const requests: RequestContext = {
    settings,
    tools,
    headers,
    maxBytes: request.maxPageBytes,
    signal: context.signal,
    clock: context.clock,
    log: context.log,
    redact: (text) => redactor.text(text),
  };
  const show = (url: URL): string => showUrl(url, requests);
  const session = await context.session();
  try {
    const columns = request.columns.map(({ name, type }) => ({ name, type }));
    return await writeRows(session, context.artifacts, columns, rowsOf(start, request, requests, show));
  } catch (error) {
    throw isSluiceError(error) && error.code === "QUERY_FAILED" ? misfit(error, show(start)) : error;
  }
}

async function* rowsOf(
  start: URL,
  request: HttpRequest,
  context: RequestContext,
  show: (url: URL) => string,
): AsyncGenerator<TextRow[]> {
  const pager = createPager(request.pages, start, request.maxPages, show);
  const reader = createRecordReader(request.columns, show(start));
  for (let url: URL | null = pager.first; url !== null;) {
    const answer = await get(url, context);
    const document = documentOf(answer, show, context.redact);
    const records = recordsOf(document, request.records, show(answer.url));
    yield reader.rows(records, show(answer.url));
    url = pager.next({ ...answer, document, records: records.length });
  }
  reader.finish();
}

function documentOf(answer: Answer, show: (url: URL) => string, redact: (text: string) => string): unknown {
  try {
    return parseJson(answer.text);
  } catch {
    const position = faultPosition(answer.text);
    const where = position === null ? "" : ` (at character ${position + 1} of ${answer.text.length})`;
    const markup = /^\s*</.test(answer.text);
    throw new SluiceError(
      "SOURCE_MALFORMED",
      `GET ${show(answer.url)} answered with something that is not JSON${where}`,
      {
        hint: markup
          ? "It looks like a web page: check the connection's URL and the path."
          : "Check the path; if it is right, the API must be mended.",
        details: {
          position,
          around: position === null ? undefined : around(answer.text, position, redact),
        },
      },
    );
  }
}

/** Some characters before and after; secrets are hidden first, because half of one would not be known as one. */
function around(text: string, position: number, redact: (text: string) => string): string {
  const before = redact(text.slice(Math.max(0, position - 2_000), position)).slice(-20);
  return before + redact(text.slice(position, position + 2_000)).slice(0, 20);
}

function addressOf(base: string, request: HttpRequest, resolve: (setting: Setting) => string, connection: string): URL {
  const origin = URL.canParse(base) ? new URL(base) : null;
  if (origin === null || (origin.protocol !== "http:" && origin.protocol !== "https:")) {
    throw new SluiceError(
      "CONFIG_INVALID",
      `The URL of the connection "${connection}" is not an http or https address`,
      {
        hint: 'Write it in full, such as "https://api.example.com/v2".',
      },
    );
  }
  if (origin.username !== "" || origin.password !== "") {
    throw new SluiceError("CONFIG_INVALID", `The URL of the connection "${connection}" holds a user or a password`, {
      hint: 'Give them apart: http("https://…", { auth: basic(env("API_USER"), env("API_PASSWORD")) }).',
    });
  }
  const inner = request.path === "" || request.path.startsWith("?");
  const path = inner ? origin.pathname : `${origin.pathname.replace(/\/$/, "")}/${request.path.replace(/^\//, "")}`;
  const address = new URL(`${origin.origin}${path}${inner ? request.path : ""}`);
  origin.searchParams.forEach((value, name) => address.searchParams.append(name, value));
  for (const [name, value] of Object.entries(request.query)) {
    address.searchParams.set(
      name,
      typeof value === "number" || typeof value === "boolean" ? String(value) : resolve(value),
    );
  }
  return address;
}

function headersOf(
  settings: HttpSettings,
  request: HttpRequest,
  resolve: (setting: Setting) => string,
): Record<string, string> {
  const given = Object.entries({ ...settings.headers, ...request.headers }).map(
    ([name, value]) => [name, resolve(value)] as const,
  );
  return {
    accept: "application/json",
    "user-agent": "sluice",
    ...(settings.auth === null ? {} : authHeader(settings.auth, resolve)),
    ...Object.fromEntries(given),
  };
}

function authHeader(auth: Auth, resolve: (setting: Setting) => string): Record<string, string> {
  if (auth.by === "bearer") return { authorization: `Bearer ${resolve(auth.token)}` };
  if (auth.by === "header") return { [auth.header.toLowerCase()]: resolve(auth.value) };
  return {
    authorization: `Basic ${Buffer.from(`${resolve(auth.user)}:${resolve(auth.password)}`).toString("base64")}`,
  };
}

function misfit(error: SluiceError, shownUrl: string): SluiceError {
  if (!/Conversion Error/i.test(error.message)) return error;
  return new SluiceError(
    "SOURCE_MALFORMED",
    `GET ${shownUrl} has a value that does not fit its column's type: ${error.message.replace(/^.*?Error: /, "")}`,
    {
      hint: "Declare that column without a type to get it as text, and let a contract judge it.",
      cause: error,
    },
  );
}
