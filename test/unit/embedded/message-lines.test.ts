// Messages on a pipe arrive as they were sent, however the bytes are cut.
import { describe, expect, it } from "vitest";
import { lineOf, lineReader } from "../../../src/embedded/message-lines.ts";

function read(chunks: readonly string[]): unknown[] {
  const messages: unknown[] = [];
  const reader = lineReader<unknown>(
    (message) => messages.push(message),
    () => messages.push("garbage"),
  );
  for (const chunk of chunks) reader(chunk);
  return messages;
}

describe("lines of messages", () => {
  const messages = [{ text: "two\nlines \u2028 and “quotes”" }, { n: 1 }, [], { long: "x".repeat(100_000) }, {}];
  const text = messages.map(lineOf).join("");

  it.each([1, 7, 1000, text.length])("are read in pieces of %i", (size) => {
    const chunks = Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
      text.slice(i * size, (i + 1) * size),
    );
    expect(read(chunks)).toEqual(messages);
  });

  it("that are no messages are told apart", () => {
    expect(read(["oops\n{", '"a":1}\nnull\n3\n[]\n'])).toEqual(["garbage", { a: 1 }, "garbage", "garbage", []]);
  });

  it("keep what has no JSON as a note that it was there", () => {
    const circular: Record<string, unknown> = { name: "loop", big: 10n ** 20n, at: new Date(0) };
    circular["self"] = circular;
    const broken = {
      toJSON: () => {
        throw new Error("no");
      },
    };
    expect(read([lineOf({ fields: { circular, broken, list: [1n, undefined, Number.NaN] } })])).toEqual([
      {
        fields: {
          circular: { name: "loop", big: "100000000000000000000", at: "1970-01-01T00:00:00.000Z", self: "[circular]" },
          broken: "[not JSON]",
          list: ["1", null, null],
        },
      },
    ]);
  });
});
