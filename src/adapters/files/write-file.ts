// Writes a stream of bytes or texts to a file. The file is there before the first of them is asked for: whoever removes it
// after a failure removes it, and no late opening brings it back.
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";

export async function writeFile(
  path: string,
  content: AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>,
  options: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  const file = await open(path, "w");
  await pipeline(content, file.createWriteStream(), options);
}
