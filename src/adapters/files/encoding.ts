// Text in another encoding, turned into UTF-8 piece by piece. What is not a character of the encoding becomes a byte that
// UTF-8 never has, so that whoever checks the text finds it, with its line.
import type { SourceContext } from "../../connect/source.ts";
import { openContent, type Content, type ContentLimits } from "./content.ts";
import { malformed } from "./malformed.ts";
import { writeFile } from "./write-file.ts";

const noCharacter = Buffer.from([0xff]);

/**
 * The content as UTF-8: itself, or a copy. A byte order mark tells the encoding, whatever `encoding` says; without one it is
 * `encoding`, else UTF-8. `onCopy` is told of a copy before it is written.
 */
export async function openUtf8(
  path: string,
  file: string,
  encoding: string | null,
  context: SourceContext,
  limits: ContentLimits,
  onCopy: (path: string) => void,
): Promise<{ readonly path: string; readonly content: Content }> {
  const content = await openContent(path, file, limits);
  const label = encodingOf(content.head, encoding, file);
  if (label === "utf-8") return { path, content };
  const copy = context.artifacts.temporary(".txt");
  onCopy(copy);
  await writeFile(copy, decoded(content.chunks(context.signal), label));
  return { path: copy, content: await openContent(copy, file, limits) };
}

function encodingOf(head: Buffer, encoding: string | null, file: string): string {
  const starts = (...bytes: number[]): boolean => bytes.every((byte, position) => head[position] === byte);
  if (starts(0xff, 0xfe, 0, 0) || starts(0, 0, 0xfe, 0xff))
    throw malformed(
      file,
      "is UTF-32, which is not read",
      `Convert it first, for example: iconv -f utf-32 -t utf-8 ${file}`,
    );
  if (starts(0xff, 0xfe)) return "utf-16le";
  if (starts(0xfe, 0xff)) return "utf-16be";
  if (starts(0xef, 0xbb, 0xbf)) return "utf-8";
  return encoding ?? "utf-8";
}

async function* decoded(chunks: AsyncIterable<Buffer>, label: string): AsyncGenerator<Buffer> {
  const decode = label.startsWith("utf-16") ? utf16(label === "utf-16be") : legacy(label);
  for await (const chunk of chunks) yield decode(chunk, false);
  yield decode(Buffer.alloc(0), true);
}

type Decode = (chunk: Buffer, last: boolean) => Buffer;

/** Not by TextDecoder: it turns a half of a surrogate pair into U+FFFD, which the text may hold in its own right. */
function utf16(swapped: boolean): Decode {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk, last) => {
    const bytes = Buffer.concat([rest, chunk]);
    let whole = bytes.length - (bytes.length % 2);
    const high = (at: number): number => bytes[swapped ? at : at + 1]! & 0xfc;
    if (!last && whole > 0 && high(whole - 2) === 0xd8) whole -= 2;
    rest = bytes.subarray(whole);
    const units = bytes.subarray(0, whole);
    const text = (swapped ? units.swap16() : units).toString("utf16le");
    const pieces = text.isWellFormed()
      ? [Buffer.from(text)]
      : joined(text.split(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/));
    return Buffer.concat(last && rest.length > 0 ? [...pieces, noCharacter] : pieces);
  };
}

function legacy(label: string): Decode {
  const decoder = new TextDecoder(label);
  return (chunk, last) => Buffer.concat(joined(decoder.decode(chunk, { stream: !last }).split("\ufffd")));
}

function joined(texts: readonly string[]): Buffer[] {
  return texts.flatMap((text, position) => (position === 0 ? [Buffer.from(text)] : [noCharacter, Buffer.from(text)]));
}
