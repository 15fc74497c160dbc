// Where an HTTP API takes rows, as plain data: how many go at a time, in which form, and what an answer says of each. The
// adapter (adapters/http/sink.ts) sends them.
import { SluiceError } from "../errors.ts";
import type { JsonPath } from "./http-pages.ts";
import type { Setting } from "../config.ts";

/** How rows are sent, and what becomes of those that are refused. */
export interface EndpointOptions {
  /**
   * The body of a request: a JSON array of the rows, the rows as lines of JSON (NDJSON), or one row as an object, which makes
   * it a request per row. @default "array"
   */
  readonly format?: "array" | "lines" | "object";
  /** Rows in a request. @default 500; 1 for "object" */
  readonly batch?: number;
  /** The key under which the array lies, such as "records"; for `format: "array"`. @default the array is the body */
  readonly within?: string;
  readonly headers?: Readonly<Record<string, Setting>>;
  /**
   * The header in which each request carries its key: the same when it is sent again. An API that keeps keys then takes every row once.
   * @default "idempotency-key"
   */
  readonly keyHeader?: string;
  /**
   * Where a 2xx answer lists rows that it has not taken: the array at `at`, in which each has its number within the request, from
   * 0, at `row`, and a reason at `message`. @default a 2xx answer means that all were taken
   */
  readonly failures?: { readonly at: JsonPath; readonly row: JsonPath; readonly message?: JsonPath };
  /**
   * What a 400, 409, 413 or 422 means. "split": no row of the request was taken; it is sent again in halves until the rows
   * that are refused are known, and those go to quarantine. "fail": the load fails. @default "split"
   */
  readonly onRefusal?: "split" | "fail";
  /** A load of which more rows are refused fails: then it is not the rows that are wrong. @default 100 */
  readonly maxRefused?: number;
}

/** What the adapter is asked to do with the rows. */
export interface EndpointRequest {
  readonly path: string;
  readonly format: "array" | "lines" | "object";
  readonly batch: number;
  readonly within: string | null;
  readonly headers: Readonly<Record<string, Setting>>;
  readonly keyHeader: string;
  readonly failures: { readonly at: JsonPath; readonly row: JsonPath; readonly message: JsonPath | null } | null;
  readonly onRefusal: "split" | "fail";
  readonly maxRefused: number;
}

/** The options with every default filled in; DEFINITION_INVALID where they can't be meant. */
export function endpointRequest(path: string, options: EndpointOptions): EndpointRequest {
  const { format = "array", within = null, failures, maxRefused = 100 } = options;
  const batch = options.batch ?? (format === "object" ? 1 : 500);
  if (!Number.isSafeInteger(batch) || batch < 1) throw invalid(path, `sends ${String(batch)} rows at a time`, "from 1");
  if (format === "object" && batch !== 1)
    throw invalid(path, `sends ${batch} rows as one object`, "batch: 1, or another format");
  if (within !== null && format !== "array")
    throw invalid(path, `has \`within\` but sends "${format}"`, 'format: "array"');
  if (!Number.isSafeInteger(maxRefused) || maxRefused < 0)
    throw invalid(path, `has maxRefused: ${String(maxRefused)}`, "a whole number from 0");
  return {
    path,
    format,
    batch,
    within,
    headers: options.headers ?? {},
    keyHeader: (options.keyHeader ?? "idempotency-key").toLowerCase(),
    failures: failures === undefined ? null : { ...failures, message: failures.message ?? null },
    onRefusal: options.onRefusal ?? "split",
    maxRefused,
  };
}

function invalid(path: string, what: string, wanted: string): SluiceError {
  return new SluiceError("DEFINITION_INVALID", `endpoint("${path}") ${what}`, { hint: `Write ${wanted}.` });
}
