// One request of rows, carried through to what became of each: taken, or refused with the API's own words. A request that is
// refused as a whole is sent in halves, until the rows are known that it is about.
import type { EndpointRequest } from "../../connect/http-endpoint.ts";
import type { RejectedRow } from "../../connect/rejected-rows.ts";
import { SluiceError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import type { HttpClient } from "./client.ts";
import { parseJson, segments, textOf, valueAt } from "./json.ts";
import { shortened } from "./refusal.ts";
import type { Answer } from "./request.ts";

/** A row as it is sent. */
export interface Line {
  /** Its position in the dataset, from 1. */
  readonly record: number;
  /** JSON. */
  readonly text: string;
}

export interface Delivering {
  readonly client: HttpClient;
  readonly request: EndpointRequest;
  /** So many rows may be refused; more, and the load fails. */
  readonly room: number;
}

/** Statuses that are about what was sent; any other 4xx is about the address or the caller. */
const aboutRows: ReadonlySet<number> = new Set([400, 409, 413, 422]);

/** Resolves with the rows that were refused; the others were taken. `key` is the same when these rows are sent again. */
export async function deliver(lines: readonly Line[], key: string, delivering: Delivering): Promise<RejectedRow[]> {
  const { client, request } = delivering;
  const url = client.address(request.path, {});
  const shown = `POST ${client.show(url)}`;
  const refused: RejectedRow[] = [];
  const add = (rows: readonly RejectedRow[]): void => {
    refused.push(...rows);
    if (refused.length > delivering.room) throw tooMany(shown, refused.at(-1)!, request.maxRefused);
  };
  // Depth first, so that rows go out in their order.
  const open: { readonly lines: readonly Line[]; readonly key: string }[] = [{ lines, key }];
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    const answer = await client.send({
      method: "POST",
      url,
      headers: {
        "content-type": request.format === "lines" ? "application/x-ndjson" : "application/json",
        accept: "application/json",
        ...client.headers(request.headers),
        [request.keyHeader]: part.key,
      },
      body: bodyOf(part.lines, request),
      accepts: (status) => (status >= 200 && status < 300) || (request.onRefusal === "split" && aboutRows.has(status)),
      maxBytes: 16 * 1024 * 1024,
      hint: (status) => (aboutRows.has(status) ? "The service's own words are in the details." : null),
    });
    if (answer.status < 300) add(namedFailures(part.lines, answer, delivering, shown));
    else if (part.lines.length === 1) add([rejected(part.lines[0]!, answer.status, answer.text, client, shown)]);
    else {
      const middle = Math.ceil(part.lines.length / 2);
      open.push({ lines: part.lines.slice(middle), key: `${part.key}.2` });
      open.push({ lines: part.lines.slice(0, middle), key: `${part.key}.1` });
    }
  }
  return refused;
}

function bodyOf(lines: readonly Line[], { format, within }: EndpointRequest): string {
  const texts = lines.map(({ text }) => text);
  if (format === "object") return texts[0]!;
  if (format === "lines") return `${texts.join("\n")}\n`;
  const array = `[${texts.join(",")}]`;
  return within === null ? array : `{${JSON.stringify(within)}:${array}}`;
}

/** Rows that a 2xx answer says were not taken. */
function namedFailures(
  lines: readonly Line[],
  answer: Answer,
  { client, request: { failures } }: Delivering,
  shown: string,
): RejectedRow[] {
  if (failures === null) return [];
  const listed = valueAt(documentOf(answer, shown), segments(failures.at));
  if (listed === undefined || listed === null) return [];
  if (!Array.isArray(listed)) throw unreadable(shown, `"${segments(failures.at).join(".")}" is no array`);
  return listed.map((entry: unknown) => {
    const row = textOf(valueAt(entry, segments(failures.row))) ?? "none";
    const line = /^\d+$/.test(row) ? lines[Number(row)] : undefined;
    if (line === undefined)
      throw unreadable(
        shown,
        `a failure names row ${row.slice(0, 40)} of a request of ${lines.length} rows, numbered from 0`,
      );
    const message = failures.message === null ? null : textOf(valueAt(entry, segments(failures.message)));
    return rejected(line, answer.status, message ?? textOf(entry) ?? "", client, shown);
  });
}

function documentOf(answer: Answer, shown: string): unknown {
  if (answer.text.trim() === "") return null;
  try {
    return parseJson(answer.text);
  } catch {
    throw unreadable(shown, "it is not JSON");
  }
}

function rejected(line: Line, status: number, words: string, client: HttpClient, shown: string): RejectedRow {
  const said = shortened(words, client.redact);
  return {
    record: line.record,
    row: JSON.parse(line.text) as JsonObject,
    reasons: [{ path: "", rule: "refused", value: status, message: `${shown} answered ${status}: ${said}` }],
  };
}

/** The rows may have been taken: nothing can be said of them. */
function unreadable(shown: string, what: string): SluiceError {
  return new SluiceError("SINK_REFUSED", `${shown} answered with something that can't be read: ${what}`, {
    hint: "Check `failures` of the endpoint; the rows of this request may have been taken.",
  });
}

function tooMany(shown: string, last: RejectedRow, maxRefused: number): SluiceError {
  return new SluiceError("SINK_REFUSED", `${shown} refuses more than ${maxRefused} rows`, {
    hint: "See the last answer in the details; if that many are right to be refused, raise maxRefused.",
    details: { record: last.record, answer: last.reasons[0]!.message },
  });
}
