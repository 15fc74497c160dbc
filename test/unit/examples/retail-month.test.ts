// The generated month is what the demo and the pipeline's tests are held to, so its own counts are checked here
// against a second, plain reading of the contract's rules.
import { createHash } from "node:crypto";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { compress, ensureMonth } from "../../../examples/retail/data/day-files.ts";
import { generateMonth, header, total, type Counts, type Day } from "../../../examples/retail/data/generate.ts";
import { products } from "../../../examples/retail/data/products.ts";

const month = generateMonth();

/** Fields of a CSV, read a character at a time: no code shared with the writer. */
function parse(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let field = "";
  let inside = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (inside && character === '"' && text[at + 1] === '"') {
      field += '"';
      at++;
    } else if (character === '"') inside = !inside;
    else if (!inside && (character === "," || character === "\n")) {
      row.push(field);
      field = "";
      if (character === "\n") {
        rows.push(row);
        row = [];
      }
    } else field += character;
  }
  return rows;
}

/** The contract's rules, written out once more. */
function judge(text: string): Counts {
  const [, ...lines] = parse(text);
  const seen = new Set<string>();
  const counts = { lines: lines.length, valid: 0, duplicate: 0, quarantined: 0 };
  for (const line of lines) {
    const key = JSON.stringify(line);
    if (seen.has(key)) {
      counts.duplicate++;
      continue;
    }
    seen.add(key);
    const [invoice = "", code = "", , quantity = "", time = "", price = "", customer = "", country = ""] = line;
    const good =
      /^[CA]?\d{6}$/.test(invoice) &&
      code !== "" &&
      /^-?\d+$/.test(quantity) &&
      Number(quantity) !== 0 &&
      invoice.startsWith("C") === Number(quantity) < 0 &&
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(time) &&
      Number(price) > 0 &&
      (customer === "" || /^\d+$/.test(customer.replace(/\.0$/, ""))) &&
      country !== "";
    counts[good ? "valid" : "quarantined"]++;
  }
  return counts;
}

function counts(day: Day): Counts {
  const { lines, valid, duplicate, quarantined } = day;
  return { lines, valid, duplicate, quarantined };
}

const rows = month.flatMap((day) => parse(day.text).slice(1));
const share = (of: (row: string[]) => boolean): number => rows.filter(of).length / rows.length;

describe("the generated month of sales", () => {
  it("is judged by a plain reading of the contract exactly as the generator says, day by day", () => {
    for (const day of month) expect({ date: day.date, ...judge(day.text) }).toEqual({ date: day.date, ...counts(day) });
  });

  it("holds these rows and no others, for good", () => {
    expect(total(month)).toEqual({ lines: 36_088, valid: 35_689, duplicate: 232, quarantined: 167 });
    expect(
      createHash("sha256")
        .update(month.map((day) => day.text).join(""))
        .digest("hex"),
    ).toBe("8b8efb385e1f69609f64e5f37707dbb20033bdae6a04973eeb6f2cfb2460685f");
  });

  it("is the same each time it is made, and another with another seed", () => {
    expect(generateMonth()).toEqual(month);
    expect(generateMonth({ seed: 7 })).not.toEqual(month);
  });

  it("keeps its own counts right with any seed", () => {
    for (const seed of [0, 1, 2, 77, 4_294_967_295]) {
      for (const day of generateMonth({ seed })) expect(judge(day.text)).toEqual(counts(day));
    }
  });

  it("has the days of the month but the Saturdays, with a thousand lines or more each", () => {
    expect(month).toHaveLength(26);
    expect(month[0]?.date).toBe("2010-12-01");
    expect(month.at(-1)?.date).toBe("2010-12-30");
    for (const day of month) {
      expect(new Date(day.date).getUTCDay()).not.toBe(6);
      expect(day.lines).toBeGreaterThanOrEqual(1_000);
      expect(day.lines).toBeLessThan(1_850);
      expect(day.text.startsWith(`${header}\n`)).toBe(true);
    }
  });

  it("holds the kinds of dirt of real sales in like proportions", () => {
    expect(share((row) => row[6] === "")).toBeGreaterThan(0.22);
    expect(share((row) => row[6] === "")).toBeLessThan(0.3);
    expect(rows.every((row) => row[6] === "" || /^\d{5}\.0$/.test(row[6]!))).toBe(true);
    expect(share((row) => row[0]!.startsWith("C"))).toBeGreaterThan(0.01);
    expect(rows.filter((row) => row[0]!.startsWith("A")).map((row) => Math.sign(Number(row[5])))).toEqual([1, -1, -1]);
    expect(share((row) => Number(row[5]) === 0)).toBeGreaterThan(0.002);
    expect(rows.some((row) => Number(row[5]) === 0 && row[6] !== "")).toBe(true);
    expect(rows.some((row) => Number(row[3]) < 0 && !row[0]!.startsWith("C"))).toBe(true);
    for (const text of ["", "?", "damaged", "lost"]) expect(rows.some((row) => row[2] === text)).toBe(true);
    expect(rows.some((row) => row[2]!.includes(","))).toBe(true);
    expect(rows.some((row) => row[2]!.includes('"'))).toBe(true);
  });

  it("repeats an article with another quantity in one invoice: a line of its own, not a repeat", () => {
    const articles = new Map<string, Set<string>>();
    for (const row of rows) {
      const key = `${row[0]} ${row[1]}`;
      articles.set(key, (articles.get(key) ?? new Set()).add(row[3]!));
    }
    expect([...articles.values()].some((quantities) => quantities.size > 1)).toBe(true);
  });

  it("sells what the catalogue lists", () => {
    const codes = new Set(products.map((product) => product.code));
    expect(codes.size).toBe(products.length);
    expect(products).toHaveLength(400);
    const services = new Set(["POST", "DOT", "D", "B"]);
    expect(rows.every((row) => codes.has(row[1]!) || services.has(row[1]!))).toBe(true);
  });
});

describe("the month's day files", () => {
  const made: string[] = [];
  const somewhere = (): string => {
    const folder = mkdtempSync(join(tmpdir(), "retail-"));
    made.push(folder);
    return join(folder, "generated/lines");
  };
  afterEach(() => {
    for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
  });

  it("are one gzip per open day, with the generated text in it", () => {
    const folder = somewhere();
    ensureMonth(folder);
    expect(readdirSync(folder).sort()).toEqual(month.map((day) => `${day.date}.csv.gz`));
    for (const day of month)
      expect(gunzipSync(readFileSync(join(folder, `${day.date}.csv.gz`))).toString()).toBe(day.text);
  });

  it("carry no time and no system in their headers, so that the same text is the same file", () => {
    const packed = compress(month[0]!.text);
    expect([...packed.subarray(0, 10)]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, packed[8], 255]);
    expect(compress(month[0]!.text).equals(packed)).toBe(true);
  });

  it("are left as they are where they are there already", () => {
    const folder = somewhere();
    ensureMonth(folder);
    const name = join(folder, "2010-12-02.csv.gz");
    rmSync(name);
    ensureMonth(folder);
    expect(existsSync(name)).toBe(false);
  });

  it("are whole when several processes make them at once, and nothing half-made is left", async () => {
    const folder = somewhere();
    const script = new URL("../../../examples/retail/data/day-files.ts", import.meta.url).href;
    const program = `const { ensureMonth } = await import(${JSON.stringify(script)}); ensureMonth(${JSON.stringify(folder)});
      console.log((await import("node:fs")).readdirSync(${JSON.stringify(folder)}).length);`;
    const ends = await Promise.all(
      Array.from({ length: 4 }, () => promisify(execFile)(process.execPath, ["--input-type=module", "-e", program])),
    );
    expect(ends.map((end) => end.stdout.trim())).toEqual(["26", "26", "26", "26"]);
    expect(readdirSync(join(folder, ".."))).toEqual(["lines"]);
  });
});
