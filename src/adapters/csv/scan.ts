// Where the rows of a CSV file begin and end, found in one pass over its bytes. It says how many rows the file holds and
// refuses one that breaks the format, with the line, or tells of it and goes on; it makes no values. The engine's own
// reader can't be asked: it reads past some kinds of damage, and skips rows where line ends are mixed.
import { isUtf8 } from "node:buffer";
import type { SluiceError } from "../../errors.ts";
import { malformed } from "../files/malformed.ts";

/** A row that breaks the format, or several lines of which nobody can say where rows begin. */
export interface BadRow {
  /** Where it lies, its line end included. */
  readonly start: number;
  readonly end: number;
  readonly line: number;
  /** Its position among the file's rows, from 1; of several lines, the first one's. */
  readonly record: number;
  /** Each of its lines counts as a row: with a damaged quote, line ends in quotes can't be told from those of rows. */
  readonly lines: number | null;
  readonly rule: "fields" | "quote" | "encoding" | "lineEnd";
  readonly what: string;
}

export interface CsvShape {
  /** Names in the header line. */
  readonly header: readonly string[];
  /** Bytes before the first row: the mark, the header and its line end. */
  readonly headerBytes: number;
  /** Those that don't break the format. */
  readonly rows: number;
  /** How lines end; "mixed" is LF and CRLF. */
  readonly lineEnds: "lf" | "crlf" | "cr" | "mixed";
  /** Bytes of the longest row. */
  readonly longestRow: number;
}

export interface CsvScan {
  /** The next piece of the file. */
  push(chunk: Buffer): void;
  /** No more pieces: the shape of the whole. */
  end(): CsvShape;
}

const quote = 0x22;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;

// States of the scan.
const atFieldStart = 0;
const inField = 1;
const inQuotes = 2;
const afterQuote = 3;
const afterReturn = 4;
const afterQuoted = 5;

/**
 * A scan of one file; `file` is its name in errors. Throws SOURCE_MALFORMED for a row that breaks the format, or hands it to
 * `onBad`; what breaks the header is always an error.
 */
export function scanCsv(file: string, delimiter: string, onBad: ((row: BadRow) => void) | null = null): CsvScan {
  const separator = delimiter.charCodeAt(0);
  // Most bytes mean nothing: one look-up passes over them.
  const special = new Uint8Array(256);
  for (const byte of [separator, quote, lineFeed, carriageReturn]) special[byte] = 1;

  let state = atFieldStart;
  let line = 1;
  let recordLine = 1;
  let quoteLine = 0;
  let fields = 1;
  let expected = 0;
  let position = 0;
  let recordStart = 0;
  let header: { readonly names: readonly string[]; readonly bytes: number } | null = null;
  let headerText: Buffer[] = [];
  let rest: Buffer = Buffer.alloc(0);
  let rows = 0;
  let longestRow = 0;
  const ends = { lf: 0, crlf: 0, cr: 0, firstReturn: 0 };
  let records = 0;
  let lastIsEnd = false;
  let damage: Pick<BadRow, "rule" | "what"> | null = null;
  /** Where text begins that isn't UTF-8, until its row is known. */
  const badText: number[] = [];

  const tell = (rule: BadRow["rule"], what: string, hint: string, details: Readonly<Record<string, unknown>>): void => {
    if (onBad === null || header === null) throw malformed(file, what, hint, details);
    damage ??= { rule, what };
  };

  const endBad = (next: number, { rule, what }: Pick<BadRow, "rule" | "what">): void => {
    const lines = rule === "quote" ? Math.max(1, line - recordLine) : null;
    onBad!({ start: recordStart, end: next, line: recordLine, record: records + 1, lines, rule, what });
    records += lines ?? 1;
    damage = null;
  };

  const endRecord = (contentEnd: number, next: number, chunk: Buffer, end: "lf" | "crlf" | "cr" | null): void => {
    const length = contentEnd - recordStart;
    const isBadText = badText.length > 0 && badText[0]! < next;
    while (badText.length > 0 && badText[0]! < next) badText.shift();
    if (isBadText) {
      if (header === null) throw notUtf8(file, recordLine);
      damage ??= { rule: "encoding", what: `line ${recordLine} is not valid UTF-8` };
    }
    if (onBad !== null && header !== null && end !== null && end !== "cr" && ends.cr > 0)
      damage ??= {
        rule: "lineEnd",
        what: `line ${recordLine} ends with a line feed, the lines before with a carriage return`,
      };
    if (header === null) {
      const bytes = Buffer.concat([...headerText, chunk], contentEnd);
      header = { names: headerNames(file, bytes, separator), bytes: next };
      headerText = [];
      expected = header.names.length;
    } else if (length > 0 || expected === 1 || damage !== null) {
      if (damage === null && fields !== expected) {
        tell(
          "fields",
          `line ${recordLine} has ${count(fields, "field")}, the header has ${expected}`,
          "Mend the line, or quote the field that holds a delimiter or a line end.",
          { line: recordLine, fields, expected },
        );
      }
      if (damage === null) {
        rows += 1;
        records += 1;
        if (length > longestRow) longestRow = length;
      } else {
        endBad(next, damage);
        end = null;
      }
    }
    if (end !== null) ends[end] += 1;
    recordStart = next;
    recordLine = line;
    fields = 1;
    state = atFieldStart;
  };

  const scan = (chunk: Buffer): void => {
    const chunkStart = position;
    for (let index = 0; index < chunk.length; index += 1) {
      const byte = chunk[index]!;
      if (special[byte] === 0 && (state === inField || state === inQuotes)) continue;
      const at = chunkStart + index;
      if (state === inQuotes) {
        if (byte === quote) state = afterQuote;
        else if (byte === lineFeed) line += 1;
        continue;
      }
      if (state === afterReturn) {
        if (byte === lineFeed) {
          endRecord(at - 1, at + 1, chunk, "crlf");
          continue;
        }
        if (ends.firstReturn === 0) ends.firstReturn = line - 1;
        if (onBad !== null && ends.lf + ends.crlf > 0) {
          // What the first line end was, all are: here it is a character of a field.
          line -= 1;
          tell("lineEnd", `line ${line} has a bare carriage return outside quotes`, "", {});
          state = inField;
        } else {
          endRecord(at - 1, at, chunk, "cr");
        }
      }
      if (byte === separator) {
        fields += 1;
        state = atFieldStart;
      } else if (byte === lineFeed) {
        line += 1;
        endRecord(at, at + 1, chunk, "lf");
      } else if (byte === carriageReturn) {
        line += 1;
        state = afterReturn;
      } else if (byte === quote && (state === atFieldStart || state === afterQuote)) {
        if (state === atFieldStart) quoteLine = line;
        state = inQuotes;
      } else if (state === afterQuote || state === afterQuoted) {
        if (byte !== space) {
          tell("quote", `line ${line} has text after a closing quote`, 'Write a quote inside a quoted field as "".', {
            line,
          });
        }
        state = byte === space ? afterQuoted : inField;
      } else if (byte === space && state === atFieldStart) {
        // A quote may follow: the engine passes over spaces around quoted fields.
        continue;
      } else {
        state = inField;
      }
    }
    position += chunk.length;
    if (chunk.length > 0) lastIsEnd = chunk.at(-1) === lineFeed;
    if (header === null) headerText.push(chunk);
  };

  const pushText = (text: Buffer): void => {
    if (!isUtf8(text)) {
      if (onBad === null) throw notUtf8(file, line + lineOfBadText(text));
      for (const start of badLines(text)) badText.push(position + start);
    }
    scan(text);
  };

  return {
    push: (chunk) => {
      const text = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const whole = text.length - unfinishedBytes(text);
      rest = text.subarray(whole);
      pushText(whole === text.length ? text : text.subarray(0, whole));
    },
    end: () => {
      if (rest.length > 0) pushText(rest);
      const nothing = Buffer.alloc(0);
      const open = state === inQuotes;
      if (open) {
        // What went before in the row is the lesser damage.
        if (onBad !== null) damage = null;
        tell(
          "quote",
          `the quote opened on line ${quoteLine} is never closed`,
          "Close it, or fetch the file again: it may be cut off.",
          { line: quoteLine },
        );
        if (!lastIsEnd) line += 1;
        endRecord(position, position, nothing, null);
      } else if (state === afterReturn) {
        if (onBad !== null && ends.lf + ends.crlf > 0) {
          tell("lineEnd", `line ${line - 1} has a bare carriage return outside quotes`, "", {});
          endRecord(position, position, nothing, null);
        } else endRecord(position - 1, position, nothing, "cr");
      } else if (position > recordStart) {
        line += 1;
        endRecord(position, position, nothing, null);
      }
      if (header === null) throw emptyFile(file);
      if (ends.cr > 0 && ends.lf + ends.crlf > 0) {
        throw malformed(
          file,
          `line ${ends.firstReturn} has a bare carriage return outside quotes`,
          "Quote the field, or remove it.",
          { line: ends.firstReturn },
        );
      }
      const lineEnds = ends.cr > 0 ? "cr" : ends.crlf === 0 ? "lf" : ends.lf === 0 ? "crlf" : "mixed";
      return { header: header.names, headerBytes: header.bytes, rows, lineEnds, longestRow };
    },
  };
}

export function emptyFile(file: string): SluiceError {
  return malformed(
    file,
    "is empty: it has no header line",
    "Fetch it again; a day without rows still has a header line.",
  );
}

function notUtf8(file: string, line: number): SluiceError {
  return malformed(
    file,
    `line ${line} is not valid UTF-8`,
    'If it is in another encoding, say so: encoding: "windows-1252".',
    { line },
  );
}

/** The names in a header line. */
function headerNames(file: string, bytes: Buffer, separator: number): string[] {
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const text = bytes.toString("utf8", hasMark ? 3 : 0);
  if (text === "")
    throw malformed(file, "the first line has no column names", "Put the header line first.", { line: 1 });
  const delimiter = String.fromCharCode(separator);
  const names: string[] = [];
  let index = 0;
  while (index <= text.length) {
    let name = "";
    if (text[index] === '"') {
      for (index += 1; index < text.length; index += 1) {
        if (text[index] !== '"') name += text[index];
        else if (text[index + 1] === '"') name += text[(index += 1)];
        else break;
      }
      index = endOf(text, delimiter, index);
    } else {
      const end = endOf(text, delimiter, index);
      name = text.slice(index, end);
      index = end;
    }
    // A column without a name can still be taken, by its position.
    names.push(name === "" ? `column${names.length + 1}` : name);
    index += 1;
  }
  return names;
}

function endOf(text: string, delimiter: string, from: number): number {
  const end = text.indexOf(delimiter, from);
  return end === -1 ? text.length : end;
}

/** How many bytes at the end are the beginning of a character that the next piece completes. */
function unfinishedBytes(text: Buffer): number {
  for (let back = 1; back <= Math.min(3, text.length); back += 1) {
    const byte = text[text.length - back]!;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0;
  }
  return 0;
}

function lineOfBadText(text: Buffer): number {
  let start = 0;
  for (let lines = 0; ; lines += 1) {
    const end = text.indexOf(lineFeed, start);
    if (end === -1 || !isUtf8(text.subarray(start, end))) return lines;
    start = end + 1;
  }
}

/** Where each line begins that isn't UTF-8. A line ends with either kind of line end: no row begins within one. */
function* badLines(text: Buffer): Generator<number> {
  for (let start = 0; start < text.length;) {
    const feed = text.indexOf(lineFeed, start);
    const lineEnd = feed === -1 ? text.length : feed + 1;
    if (isUtf8(text.subarray(start, lineEnd))) {
      start = lineEnd;
      continue;
    }
    const back = text.subarray(start, lineEnd).indexOf(carriageReturn);
    const end = back === -1 ? lineEnd : start + back + 1;
    if (!isUtf8(text.subarray(start, end))) yield start;
    start = end;
  }
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
