import { describe, expect, it } from "vitest";
import { createLogLimit, lineSize } from "../../../src/engine/attempts/log-limit.ts";
import type { LogLine } from "../../../src/log.ts";

const line = (message: string, fields?: LogLine["fields"]): LogLine => ({
  at: 1,
  level: "info",
  message,
  ...(fields === undefined ? {} : { fields }),
});

describe("the limit of a log", () => {
  it("leaves lines of a usual size as they are", () => {
    const short = line("read 5 rows", { rows: 5 });
    expect(createLogLimit()(short)).toEqual(short);
    const long = line("x".repeat(lineSize));
    expect(createLogLimit()(long)).toEqual(long);
  });

  it("cuts a message to its size in bytes, between two characters, and says by how much", () => {
    const cut = createLogLimit()(line("é".repeat(lineSize)))!.message;
    expect(cut).toBe(`${"é".repeat(lineSize / 2)} … [8,192 more characters]`);
    // Characters of four bytes are two units each, and none is torn.
    const faces = createLogLimit()(line(`a${"😀".repeat(lineSize)}`))!.message;
    expect(faces.isWellFormed()).toBe(true);
    expect(Buffer.byteLength(faces.split(" … ")[0]!)).toBeLessThanOrEqual(lineSize);
  });

  it("cuts fields that are too big, as text", () => {
    const { fields, message } = createLogLimit()(line("rows", { rows: "x".repeat(50_000) }))!;
    expect(message).toBe("rows");
    expect(Object.keys(fields!)).toEqual(["cut"]);
    expect((fields!["cut"] as string).startsWith('{"rows":"xxx')).toBe(true);
    expect((fields!["cut"] as string).length).toBeLessThan(lineSize + 50);
  });

  it("counts big integers and what is not JSON as what they are stored as", () => {
    expect(createLogLimit()(line("odd", { big: 2n ** 70n }))!.fields).toEqual({ big: "1180591620717411303424" });
  });
});
