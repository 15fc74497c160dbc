// From one page to the next, for each way an API may hand them out. It holds the state of one extraction and makes
// no requests. A page that leads back to one already read is a fault, never a loop.
import { createHash } from "node:crypto";
import type { Pages } from "../../connect/http-pages.ts";
import { SluiceError } from "../../errors.ts";
import { kindOf, segments, textOf, valueAt } from "./json.ts";

export interface Page {
  readonly url: URL;
  readonly headers: Headers;
  readonly text: string;
  readonly document: unknown;
  /** How many records it holds. */
  readonly records: number;
}

export interface Pager {
  readonly first: URL;
  /** Where the page after this one is; null when this was the last. Call it once per page, in order. */
  next(page: Page): URL | null;
}

export function createPager(pages: Pages | null, start: URL, maxPages: number, show: (url: URL) => string): Pager {
  const first = firstUrl(pages, start);
  const asked = new Set([first.href]);
  let previous = "";
  let [count, skipped] = [0, 0];

  const checkRepeat = (page: Page): void => {
    const digest = createHash("sha256").update(page.text).digest("base64");
    if (digest === previous && page.records > 0) {
      throw new SluiceError(
        "SOURCE_MALFORMED",
        `GET ${show(page.url)} answered with the same page as before, for ever perhaps`,
        {
          hint: "The API seems to ignore the parameter for the page: check its name under `pages`.",
        },
      );
    }
    previous = digest;
  };

  const follow = (page: Page): URL | null => {
    if (pages === null) return null;
    switch (pages.by) {
      case "link-in-body": {
        const link = valueAt(page.document, segments(pages.at));
        if (link === undefined || link === null || link === "" || link === false) return null;
        if (typeof link === "string" && URL.canParse(link, page.url.href)) return new URL(link, page.url);
        throw new SluiceError(
          "SOURCE_MALFORMED",
          `GET ${show(page.url)}: "${segments(pages.at).join(".")}" is ${kindOf(link)}, not an address`,
          {
            hint: "If it is a cursor or a page number, use cursor(path, parameter) in place of nextPage(path).",
          },
        );
      }
      case "link-header": {
        const link = nextLink(page.headers.get("link") ?? "");
        return link !== null && URL.canParse(link, page.url.href) ? new URL(link, page.url) : null;
      }
      case "cursor": {
        const value = valueAt(page.document, segments(pages.at));
        const text = value === false ? null : textOf(value);
        return text === null || text === "" ? null : withParameter(start, pages.parameter, text);
      }
      case "page-number": {
        const last = pages.totalPages === null ? null : wholeNumber(page, pages.totalPages, show);
        if (last === null ? page.records === 0 : count >= last) return null;
        return withParameter(start, pages.parameter, String(pages.first + count));
      }
      case "offset": {
        skipped += page.records;
        const total = pages.total === null ? null : wholeNumber(page, pages.total, show);
        // An API may cap the page size below what it was asked for, so a short page is no sign of the end.
        if (page.records === 0 || (total !== null && skipped >= total)) return null;
        return withParameter(start, pages.parameter, String(skipped));
      }
    }
  };

  return {
    first,
    next: (page) => {
      count += 1;
      checkRepeat(page);
      const next = follow(page);
      if (next === null) return null;
      if (next.origin !== start.origin) {
        throw new SluiceError(
          "SOURCE_REFUSED",
          `GET ${show(page.url)} names a next page at ${next.origin}, another origin`,
          {
            hint: "Credentials are not sent to other origins. If that is the right address, make it the connection's URL.",
          },
        );
      }
      if (asked.has(next.href)) {
        throw new SluiceError(
          "SOURCE_MALFORMED",
          `GET ${show(page.url)} leads back to a page that was already read: ${show(next)}`,
          {
            hint: "The API's pages go in a circle; check `pages`, then the API.",
          },
        );
      }
      if (count >= maxPages) {
        throw new SluiceError("SOURCE_MALFORMED", `GET ${show(start)} has more than ${maxPages} pages`, {
          hint: "If that is right, raise maxPages or ask for larger pages.",
        });
      }
      asked.add(next.href);
      return next;
    },
  };
}

function firstUrl(pages: Pages | null, start: URL): URL {
  if (pages?.by === "page-number") return withParameter(start, pages.parameter, String(pages.first));
  if (pages?.by === "offset") return withParameter(start, pages.parameter, "0");
  return start;
}

function withParameter(url: URL, name: string, value: string): URL {
  const changed = new URL(url);
  changed.searchParams.set(name, value);
  return changed;
}

function wholeNumber(page: Page, path: string | readonly string[], show: (url: URL) => string): number {
  const value = Number(textOf(valueAt(page.document, segments(path))) ?? "none");
  if (Number.isInteger(value)) return value;
  throw new SluiceError(
    "SOURCE_MALFORMED",
    `GET ${show(page.url)} has no whole number at "${segments(path).join(".")}"`,
    {
      hint: "Check the path under `pages`.",
    },
  );
}

/** The target of rel="next" in a Link header (RFC 8288). */
function nextLink(header: string): string | null {
  for (const [, target, parameters] of header.matchAll(/<([^>]*)>((?:\s*;\s*[\w*-]+\s*=\s*(?:"[^"]*"|[^\s",;]+))*)/g)) {
    const relation = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s",;]+))/i.exec(parameters ?? "");
    const names = (relation?.[1] ?? relation?.[2] ?? "").toLowerCase().split(/\s+/);
    if (names.includes("next")) return target ?? null;
  }
  return null;
}
