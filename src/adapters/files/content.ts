// The bytes of a file, decompressed and known to be whole: a truncated or damaged gzip or zstd file is an error here,
// where the engine would hand out what it could still read.
import { createReadStream, readFileSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { createGunzip, createZstdDecompress, gunzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { SluiceError } from "../../errors.ts";
import { malformed } from "./malformed.ts";

export type Compression = "none" | "gzip" | "zstd";

export interface Content {
  readonly compression: Compression;
  /** Its first bytes, at most four: enough to see a byte order mark. */
  readonly head: Buffer;
  /** All of it, when it is small. */
  readonly whole: Buffer | null;
  /** All of it, piece by piece, from the start. */
  chunks(signal: AbortSignal): AsyncIterable<Buffer>;
}

/** How much is held in memory, in bytes. */
export interface ContentLimits {
  /** Files up to this size are read at once: that costs a third of a stream. Inflated they may be eight times as large. */
  readonly whole: number;
  /** Pieces of larger ones. */
  readonly chunk: number;
}

export const contentLimits: ContentLimits = { whole: 32 * 1024 * 1024, chunk: 1024 * 1024 };

/** The content of the file at `path`; `file` is its name in errors. Throws SOURCE_MISSING and SOURCE_MALFORMED. */
export async function openContent(path: string, file: string, limits: ContentLimits): Promise<Content> {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) throw new SluiceError("SOURCE_MISSING", `${file} does not exist`, { details: { file } });
  if (status.isDirectory())
    throw malformed(file, "is a folder, not a file", `Name the files in it: "${file.replace(/\/$/, "")}/*".`);
  const raw = status.size <= limits.whole ? readFileSync(path) : null;
  const compression = compressionOf(raw ?? (await firstBytes(path)));
  const named = path.endsWith(".gz") ? "gzip" : path.endsWith(".zst") ? "zstd" : "none";
  if (named !== "none" && compression !== named) {
    throw malformed(
      file,
      `is not a ${named} file, though its name says so`,
      "Give it another name, or fetch it again.",
    );
  }
  if (compression === "zstd") requireSoundZstd(file);
  const whole = raw === null ? null : inflate(raw, compression, file, limits.whole * 8);
  const chunks = (signal: AbortSignal): AsyncIterable<Buffer> => stream(path, compression, file, limits.chunk, signal);
  return { compression, whole, chunks, head: (whole ?? (await firstOf(chunks))).subarray(0, 4) };
}

/**
 * Refuses zstd where the runtime takes a file that is cut off for a shorter one, as Node 22 does up to some release. It is
 * tried out, because no version number tells.
 */
export function requireSoundZstd(file: string, decompress: (data: Buffer) => Buffer = zstdDecompressSync): void {
  const whole = zstdCompressSync("a probe that must not come out when its end is missing");
  try {
    decompress(whole.subarray(0, whole.length - 1));
  } catch {
    return;
  }
  throw new SluiceError(
    "DEPENDENCY_MISSING",
    `${file} can't be read safely: zstd in Node ${process.versions.node} does not notice when a file is cut off`,
    { hint: "Use Node 24, or gzip the file." },
  );
}

/** Told by the first bytes, so that a file is read for what it is. */
function compressionOf(head: Buffer): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b) return "gzip";
  return head.length >= 4 && head.readUInt32LE(0) === 0xfd2fb528 ? "zstd" : "none";
}

async function firstOf(chunks: Content["chunks"]): Promise<Buffer> {
  for await (const chunk of chunks(new AbortController().signal)) if (chunk.length >= 4) return chunk;
  return Buffer.alloc(0);
}

async function firstBytes(path: string): Promise<Buffer> {
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** Null when it grows beyond `limit`: then it is read as a stream. */
function inflate(raw: Buffer, compression: Compression, file: string, limit: number): Buffer | null {
  if (compression === "none") return raw;
  try {
    if (compression === "zstd") return zstdDecompressSync(raw, { maxOutputLength: limit });
    // The last four bytes of a gzip file are the length of the last member: a good guess at the buffer to use.
    const guess = raw.length >= 18 ? raw.readUInt32LE(raw.length - 4) : 0;
    return gunzipSync(raw, {
      maxOutputLength: limit,
      chunkSize: Math.min(Math.max(guess + 64, 1 << 14), limit, 1 << 26),
    });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") return null;
    throw damaged(file, compression, cause);
  }
}

async function* stream(
  path: string,
  compression: Compression,
  file: string,
  chunkSize: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const bytes = createReadStream(path, { highWaterMark: chunkSize, signal });
  if (compression === "none") {
    yield* bytes as AsyncIterable<Buffer>;
    return;
  }
  const decoder = compression === "gzip" ? createGunzip({ chunkSize }) : createZstdDecompress({ chunkSize });
  bytes.on("error", (error) => decoder.destroy(error));
  try {
    yield* bytes.pipe(decoder) as AsyncIterable<Buffer>;
  } catch (cause) {
    signal.throwIfAborted();
    throw damaged(file, compression, cause);
  } finally {
    bytes.destroy();
  }
}

function damaged(file: string, compression: Compression, cause: unknown): SluiceError {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (!/^(Z_|ZSTD_|ERR_ZLIB|ERR_TRAILING)/.test(code ?? "")) throw cause;
  const cut = code === "Z_BUF_ERROR" || /unexpected end|truncated|incomplete/i.test(message);
  return new SluiceError(
    "SOURCE_MALFORMED",
    `${file} is ${cut ? "cut off" : "damaged"}: its ${compression} data ${cut ? "ends too early" : `is not valid (${message})`}`,
    {
      hint: "Fetch the file again.",
      details: { file },
      cause,
    },
  );
}
