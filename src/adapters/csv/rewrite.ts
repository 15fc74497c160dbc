// CSV text written anew, piece by piece, for text that the scan has accepted: with one kind of line end, or with fewer
// columns.

type State = "start" | "field" | "quotes" | "quote";

/** Turns CRLF into LF outside quotes. */
export function unifyLineEnds(delimiter: string): (chunk: Buffer) => Buffer {
  const separator = delimiter.charCodeAt(0);
  let state: State = "start";
  return (chunk) => {
    const output = Buffer.allocUnsafe(chunk.length);
    let length = 0;
    for (const byte of chunk) {
      // Outside quotes the scan has let a CR pass only before an LF.
      if (byte === 0x0d && state !== "quotes") continue;
      output[length] = byte;
      length += 1;
      state = after(state, byte, separator, 0x0a);
    }
    return output.subarray(0, length);
  };
}

/** Keeps the fields at these positions, which grow; lines end with LF, or all with CR. */
export function onlyFields(
  delimiter: string,
  positions: readonly number[],
  byReturn: boolean,
): (chunk: Buffer) => Buffer {
  const separator = delimiter.charCodeAt(0);
  const lineEnd = byReturn ? 0x0d : 0x0a;
  const [first] = positions;
  const kept = new Set(positions);
  let state: State = "start";
  let field = 0;
  let isEmpty = true;
  return (chunk) => {
    const output = Buffer.allocUnsafe(chunk.length);
    let length = 0;
    for (const byte of chunk) {
      const outside = state !== "quotes";
      state = after(state, byte, separator, lineEnd);
      const isEnd = outside && byte === lineEnd;
      const isSeparator = outside && byte === separator;
      if (isSeparator) field += 1;
      if (isEnd) field = 0;
      // A line with nothing on it is no row, and must not become one.
      const isNothing = isEnd && isEmpty;
      isEmpty = isEnd;
      if (isNothing) continue;
      // The separator before a field goes with it.
      if (isEnd || (kept.has(field) && !(isSeparator && field === first))) {
        output[length] = byte;
        length += 1;
      }
    }
    return output.subarray(0, length);
  };
}

function after(state: State, byte: number, separator: number, lineEnd: number): State {
  if (state === "quotes") return byte === 0x22 ? "quote" : "quotes";
  if (byte === separator || byte === lineEnd) return "start";
  if (byte === 0x22 && state !== "field") return "quotes";
  return state === "start" && byte !== 0x20 ? "field" : state;
}
