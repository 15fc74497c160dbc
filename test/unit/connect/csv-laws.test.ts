// Laws of reading CSV, over texts that nobody would think of.
import { mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createCsvSource, csvSource } from "../../../src/adapters/csv/source.ts";
import { rejectNothing } from "../../../src/connect/rejected-rows.ts";
import { systemClock } from "../../../src/clock.ts";
import { csv } from "../../../src/connect/csv.ts";
import { openSession, type Row, type Session } from "../../../src/dataset/session.ts";
import { readDataset } from "../../../src/dataset/write-dataset.ts";
import type { SluiceError } from "../../../src/errors.ts";
import { silentLog } from "../../../src/log.ts";
import { temporaryArtifacts } from "../../conformance/sink.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-csv-"));
const artifacts = temporaryArtifacts();
let session: Session;
beforeAll(async () => {
  session = await openSession({ temporaryFolder: tmpdir() });
});
afterAll(async () => {
  session.close();
  await artifacts.dispose();
  await rm(folder, { recursive: true, force: true });
});

/** More of them: RUNS=5000. */
const runs = (usual: number): number => Number(process.env["RUNS"] ?? usual);
/** Reads as it reads files too large to be held: in pieces, here tiny ones. */
const inPieces = createCsvSource({ whole: 0, chunk: 64 });
const put = (name: string, content: string | Buffer): void => writeFileSync(join(folder, name), content);
const read = async (adapter = csvSource): Promise<Row[]> => {
  const signal = new AbortController().signal;
  const context = {
    folder,
    home: folder,
    signal,
    log: silentLog,
    clock: systemClock,
    reject: rejectNothing,
    artifacts,
    session: async () => session,
    resolve: String,
  };
  const dataset = await adapter(csv("any.csv"), context);
  return session.rows(`SELECT * FROM ${readDataset(dataset)}`);
};

describe("csv laws", () => {
  it("any rows come back as they were written, however they are quoted, ended and compressed", async () => {
    const value = fc.oneof(
      fc.constant(null),
      fc.string({
        unit: fc.constantFrom("a", "é", "日", "🎉", " ", ",", '"', "\n", "\r", "\r\n", ";", "'", "\\", "0", "#"),
        maxLength: 8,
      }),
    );
    const rows = fc
      .integer({ min: 1, max: 4 })
      .chain((width) =>
        fc.array(fc.array(value, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 12 }),
      );
    const style = fc.record({
      end: fc.constantFrom("\n", "\r\n"),
      mixed: fc.boolean(),
      last: fc.boolean(),
      mark: fc.boolean(),
      gzip: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(rows, style, async (data, { end, mixed, last, mark, gzip }) => {
        const field = (item: string | null): string =>
          item === null ? "" : /^[a-zé日0]+$/.test(item) ? item : `"${item.replaceAll('"', '""')}"`;
        const names = data[0]!.map((_, position) => `c${position}`);
        const lines = [names.join(","), ...data.map((row) => row.map(field).join(","))];
        // Without a last line end, a null alone on the last line would be no line at all.
        const needsEnd = last || lines.at(-1) === "";
        const text = lines
          .map(
            (line, position) =>
              line + (position === lines.length - 1 && !needsEnd ? "" : mixed && position % 2 === 1 ? "\n" : end),
          )
          .join("");
        const bytes = Buffer.from((mark ? "\ufeff" : "") + text);
        put("any.csv", gzip ? gzipSync(bytes) : bytes);
        const expected = data.map((row) => Object.fromEntries(row.map((item, position) => [`c${position}`, item])));
        expect(await read()).toEqual(expected);
        expect(await read(inPieces)).toEqual(expected);
      }),
      { numRuns: runs(150) },
    );
  });

  it("any text is read as the format says, or refused", async () => {
    const pieces = fc.array(fc.constantFrom("a", "b", ",", ",", '"', '"', '""', "\n", "\n", "\r\n", "\r", " ", "1"), {
      maxLength: 25,
    });
    await fc.assert(
      fc.asyncProperty(pieces, fc.integer({ min: 1, max: 3 }), async (body, width) => {
        const names = ["x", "y", "z"].slice(0, width);
        const text = `${names.join(",")}\n${body.join("")}`;
        put("any.csv", text);
        const outcome = await read().catch((thrown: unknown) => thrown as SluiceError);
        if (outcome instanceof Error) {
          expect(outcome).toMatchObject({ code: "SOURCE_MALFORMED" });
          expect(outcome.message, "the engine found what the scan did not").not.toMatch(/could not be read|came out/);
        } else {
          expect(outcome).toEqual(
            plainly(text, width).map((row) => Object.fromEntries(row.map((item, position) => [names[position], item]))),
          );
        }
      }),
      { numRuns: runs(300) },
    );
  });
});

/** The rows of a text whose first line is plain, read letter by letter. */
function plainly(text: string, width: number): (string | null)[][] {
  const rows: (string | null)[][] = [];
  const field = / *"((?:[^"]|"")*)" *(?=,|\r|\n|$)|([^,\r\n]*)/y;
  let index = text.indexOf("\n") + 1;
  while (index < text.length) {
    const row: (string | null)[] = [];
    const start = index;
    for (;;) {
      field.lastIndex = index;
      const match = field.exec(text)!;
      row.push(match[1] === undefined ? match[2] || null : match[1].replaceAll('""', '"'));
      index += match[0].length;
      if (text[index] !== ",") break;
      index += 1;
    }
    const end = /\r\n|\n|\r/y;
    end.lastIndex = index;
    const empty = index === start;
    index += end.exec(text)?.[0].length ?? 0;
    if (!empty || width === 1) rows.push(row);
  }
  return rows;
}
