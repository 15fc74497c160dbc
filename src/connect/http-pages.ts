// How an HTTP API hands out its pages, as plain data. The adapter (adapters/http/pages.ts) follows it.

/** Where a value lies in a JSON document: "data.items", "prices.0.amount"; as an array where a key has a dot in it. */
export type JsonPath = string | readonly string[];

/** How one page leads to the next, as plain data in the plan. */
export type Pages =
  | { readonly by: "link-in-body"; readonly at: JsonPath }
  | { readonly by: "link-header" }
  | { readonly by: "cursor"; readonly at: JsonPath; readonly parameter: string }
  | {
      readonly by: "page-number";
      readonly parameter: string;
      readonly first: number;
      readonly totalPages: JsonPath | null;
    }
  | { readonly by: "offset"; readonly parameter: string; readonly total: JsonPath | null };

/** Each page holds the address of the next one at `path`; null, an empty text or nothing there ends it. */
export function nextPage(path: JsonPath): Pages {
  return { by: "link-in-body", at: path };
}

/** Each answer names the next page in its `Link` header: `<…>; rel="next"` (RFC 8288). */
export function linkHeader(): Pages {
  return { by: "link-header" };
}

/** Each page holds a cursor at `path`, which is sent as the query parameter `parameter` to get the next page. */
export function cursor(path: JsonPath, parameter: string): Pages {
  return { by: "cursor", at: path, parameter };
}

/** Where the count of pages begins, and how its end is known. */
export interface PageNumberOptions {
  /** The number of the first page. @default 1 */
  readonly first?: number;
  /** Where a page says how many there are. Without it a page without records ends it: one request more. */
  readonly totalPages?: JsonPath;
}

/** Pages are asked for by number, in the query parameter `parameter`. */
export function pageNumber(parameter: string, options: PageNumberOptions = {}): Pages {
  return { by: "page-number", parameter, first: options.first ?? 1, totalPages: options.totalPages ?? null };
}

/** How the end of the records is known. */
export interface OffsetOptions {
  /** Where a page says how many records there are in all. Without it a page without records ends it: one request more. */
  readonly total?: JsonPath;
}

/** Pages are asked for by how many records to skip, in the query parameter `parameter`. */
export function offset(parameter: string, options: OffsetOptions = {}): Pages {
  return { by: "offset", parameter, total: options.total ?? null };
}
