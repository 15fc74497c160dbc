// Reads an HTTP API that answers in JSON: page after page into one dataset, a page in memory at a time.
import type { HttpRequest } from "../../connect/http.ts";
import type { Source, SourceAdapter, SourceContext } from "../../connect/source.ts";
import type { Dataset } from "../../dataset/dataset.ts";
import { writeRows } from "../../dataset/write-dataset.ts";
import { isSluiceError, SluiceError } from "../../errors.ts";
import { openClient, type ClientTools, type HttpClient } from "./client.ts";
import { faultPosition, parseJson } from "./json.ts";
import { createPager } from "./pages.ts";
import { createRecordReader, recordsOf, type TextRow } from "./records.ts";
import { httpTools, sourceFaults, type Answer } from "./request.ts";

/** The adapter with its own way to wait, roll dice and look up names; what is left out is the real thing. */
export function createHttpSource(tools: Partial<ClientTools> = {}): SourceAdapter {
  return async (source, context) => (await readPages(source, context, { ...httpTools, ...tools })).dataset;
}

/** Reads sources of the vendor "http". */
export const httpSource: SourceAdapter = createHttpSource();

export interface PagesRead {
  readonly dataset: Dataset;
  /** The API's own clock as it answered first, in milliseconds; ours where it doesn't say. */
  readonly at: number;
}

/** Reads page after page to the last. */
export async function readPages(source: Source, context: SourceContext, tools: ClientTools): Promise<PagesRead> {
  let at: number | null = null;
  const onAnswer = ({ headers }: Answer): void => {
    const date = Date.parse(headers.get("date") ?? "");
    at ??= Number.isNaN(date) ? context.clock.now() : date;
  };
  const request = source.request as unknown as HttpRequest;
  const client = openClient(source.connection!, context, sourceFaults, tools);
  try {
    const start = client.address(request.path, request.query);
    const session = await context.session();
    const columns = request.columns.map(({ name, type }) => ({ name, type }));
    try {
      const dataset = await writeRows(session, context.artifacts, columns, rowsOf(start, request, client, onAnswer));
      return { dataset, at: at ?? context.clock.now() };
    } catch (error) {
      throw isSluiceError(error) && error.code === "QUERY_FAILED" ? misfit(error, client.show(start)) : error;
    }
  } finally {
    client.close();
  }
}

async function* rowsOf(
  start: URL,
  request: HttpRequest,
  client: HttpClient,
  onAnswer: (answer: Answer) => void,
): AsyncGenerator<TextRow[]> {
  const { show } = client;
  const pager = createPager(request.pages, start, request.maxPages, show);
  const reader = createRecordReader(request.columns, `GET ${show(start)}`);
  const headers = { accept: "application/json", ...client.headers(request.headers) };
  for (let url: URL | null = pager.first; url !== null;) {
    const answer = await client.send({
      method: "GET",
      url,
      headers,
      body: null,
      accepts: (status) => status === 200,
      maxBytes: request.maxPageBytes,
      hint: null,
    });
    onAnswer(answer);
    const shown = `GET ${show(answer.url)}`;
    const document = documentOf(answer, client);
    const records = recordsOf(document, request.records, shown);
    yield reader.rows(records, shown);
    url = pager.next({ ...answer, document, records: records.length });
  }
  reader.finish();
}

function documentOf(answer: Answer, { show, redact }: HttpClient): unknown {
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
