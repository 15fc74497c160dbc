// Where to cut a text that is longer than it may be: at the end of a line or of a sentence, else between words, else between
// characters as people see them. It never cuts between two code units of one code point.

export interface CutOptions {
  /** Length of a piece, at most, in UTF-16 code units; at least 2. */
  readonly max: number;
  /** The same for the first piece. */
  readonly first: number;
  /** Prefer the ends of lines to those of sentences. */
  readonly lines: boolean;
}

const lineEnd = /\n/g;
const sentenceEnd = /[.!?]["'”’)\]]*\s|[。！？；…]["'”’）」』】]*|\n[ \t]*\n/gu;
const space = /\s/g;
/** Enough to see where a character that lies across the end of the room ends: the longest emoji have 35 code units. */
const lookahead = 64;
const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Pieces of `text` between `span.start` and `span.end`, in order, that leave out nothing but blank space between them. */
export function cutText(
  text: string,
  span: { readonly start: number; readonly end: number },
  { max, first, lines }: CutOptions,
): { start: number; end: number }[] {
  const pieces: { start: number; end: number }[] = [];
  let start = span.start;
  while (start < span.end) {
    const room = pieces.length === 0 ? first : max;
    let end = span.end;
    if (end - start > room) end = start + cutWithin(text.slice(start, start + room + lookahead), room, lines);
    const piece = text.slice(start, end).trimEnd();
    if (piece.length > 0) pieces.push({ start, end: start + piece.length });
    start = end + blankAt(text, end, span.end, lines);
  }
  return pieces;
}

/** How many of the window's first `room` code units to take. */
function cutWithin(window: string, room: number, lines: boolean): number {
  const best = lines ? [lineEnd, space] : [sentenceEnd, space];
  for (const [rank, pattern] of best.entries()) {
    let end = 0;
    for (const match of window.matchAll(pattern)) {
      // The blank space at a boundary isn't part of a piece, so it may lie just past the room.
      const length = match.index + match[0].trimEnd().length;
      if (length > 0 && length <= room) end = length;
    }
    // A line's end is always good; a sentence's only if it doesn't make a stub.
    if (end > 0 && ((lines && rank === 0) || end > room / 3)) return end;
  }
  const character = segmenter.segment(window).containing(room)?.index ?? room;
  if (character > 0) return character;
  const splitsPair = /[\uD800-\uDBFF]$/.test(window.slice(0, room)) && /^[\uDC00-\uDFFF]/.test(window.slice(room));
  return splitsPair && room > 1 ? room - 1 : room;
}

/** Length of the blank space at `from`; in code, an indentation after a line end belongs to the next piece. */
function blankAt(text: string, from: number, to: number, lines: boolean): number {
  const rest = text.slice(from, to);
  const blank = rest.length - rest.trimStart().length;
  if (!lines || blank === rest.length) return blank;
  return rest.lastIndexOf("\n", blank - 1) + 1 || blank;
}
