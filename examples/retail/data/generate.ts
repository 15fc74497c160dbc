// A made-up month of sales in the shape of UCI "Online Retail", with the same kinds of dirt in like proportions.
// The same seed gives the same lines everywhere; every count is kept as the lines are made, so that whoever reads
// them can be held to it. No row of the real data is in here.
import { customerIds, countryOf } from "./customers.ts";
import { products } from "./products.ts";
import { seeded, type Random } from "./random.ts";

/** What the contract of an invoice line makes of a day. */
export interface Counts {
  readonly lines: number;
  readonly valid: number;
  readonly duplicate: number;
  readonly quarantined: number;
}

export interface Day extends Counts {
  /** "YYYY-MM-DD", in the shop's own time zone. */
  readonly date: string;
  /** The day's file: CSV with a header. */
  readonly text: string;
}

export interface MonthOptions {
  /** @default 2010 */
  readonly seed?: number;
}

export const header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";

/** First and last day of the month; Saturdays in between have no file. */
export const monthDays = { first: "2010-12-01", last: "2010-12-30" } as const;

/** The day on which old debts are written off: three A invoices, two of them negative. */
const writeOffDay = "2010-12-14";

/** Makes every open day of the month. */
export function generateMonth(options: MonthOptions = {}): Day[] {
  const random = seeded(options.seed ?? 2010);
  const shops = regulars(random);
  let invoice = 700_001;
  return openDays().map((date) => {
    const book = openBook(date, () => invoice++);
    fillDay(random, shops, book, date);
    return book.close();
  });
}

/** Counts of several days together. */
export function total(days: readonly Counts[]): Counts {
  const sum = (of: (day: Counts) => number): number => days.reduce((all, day) => all + of(day), 0);
  return {
    lines: sum((day) => day.lines),
    valid: sum((day) => day.valid),
    duplicate: sum((day) => day.duplicate),
    quarantined: sum((day) => day.quarantined),
  };
}

interface Line {
  readonly code: string;
  readonly description: string;
  readonly quantity: number;
  readonly pence: number;
}

type Verdict = "valid" | "duplicate" | "quarantined";

/** One day's lines in the making, and what is true of them. */
interface Book {
  /** Adds an invoice: all its lines share number, minute, customer and country. */
  invoice(
    prefix: "" | "C" | "A",
    customer: number | null,
    lines: readonly (Line & { readonly verdict: Verdict })[],
  ): void;
  readonly lines: () => number;
  /** Moves the clock on by some minutes. */
  wait(minutes: number): void;
  close(): Day;
}

function openBook(date: string, nextNumber: () => number): Book {
  const rows = [header];
  const counts = { valid: 0, duplicate: 0, quarantined: 0 };
  let minute = 8 * 60 + 3;
  return {
    invoice: (prefix, customer, lines) => {
      const number = `${prefix}${nextNumber()}`;
      const time = `${date} ${two(Math.floor(minute / 60))}:${two(minute % 60)}:00`;
      const buyer = customer === null ? "" : `${customer}.0`;
      const country = customer === null ? "United Kingdom" : countryOf(customer);
      for (const { code, description, quantity, pence, verdict } of lines) {
        rows.push([number, code, quoted(description), quantity, time, decimal(pence), buyer, country].join(","));
        counts[verdict]++;
      }
    },
    lines: () => rows.length - 1,
    wait: (minutes) => {
      minute = Math.min(minute + minutes, 19 * 60 + 59);
    },
    close: () => ({ date, text: `${rows.join("\n")}\n`, lines: rows.length - 1, ...counts }),
  };
}

function fillDay(random: Random, shops: readonly number[], book: Book, date: string): void {
  const target = random.integer(1_000, 1_750);
  // Orders of the web shop come in as a few long invoices without a customer.
  book.invoice("", null, clean(webOrder(random, Math.round(target * (0.19 + random.next() * 0.09)))));
  if (date === writeOffDay) writeOff(book);
  while (book.lines() < target) {
    book.wait(random.integer(0, 12));
    const draw = random.next();
    if (draw < 0.13) book.invoice("C", customer(random, shops), clean(returned(random)));
    else if (draw < 0.22) book.invoice("", null, [stockCorrection(random)]);
    else if (draw < 0.27) book.invoice("", null, clean(webOrder(random, random.integer(1, 30))));
    else order(random, shops, book);
  }
}

function order(random: Random, shops: readonly number[], book: Book): void {
  const buyer = customer(random, shops);
  const lines: (Line & { verdict: Verdict })[] = clean(
    random.sample(products, random.integer(3, 36)).map((product) => ({
      code: product.code,
      description: product.title,
      quantity: random.pick([1, 2, 2, 3, 4, 6, 6, 8, 12, 12, 24, 48]),
      pence: product.pence,
    })),
  );
  // The same article again: with another quantity it is another line, as it was it is an exact repeat.
  if (random.chance(0.2)) lines.push({ ...lines[0]!, quantity: lines[0]!.quantity + 1 });
  if (random.chance(0.1)) {
    for (const line of random.sample(lines, random.integer(1, 3))) lines.push({ ...line, verdict: "duplicate" });
  }
  // A free sample to a known customer: its price of zero breaks the contract.
  if (random.chance(0.01))
    lines.push({ ...article(random), quantity: random.integer(1, 24), pence: 0, verdict: "quarantined" });
  if (countryOf(buyer) !== "United Kingdom") {
    lines.push({
      code: "POST",
      description: "POSTAGE",
      quantity: random.integer(1, 4),
      pence: 1_800,
      verdict: "valid",
    });
  }
  book.invoice("", buyer, lines);
}

function webOrder(random: Random, size: number): Line[] {
  const lines = random.sample(products, size).map((product) => ({
    code: product.code,
    description: product.title,
    quantity: random.pick([1, 1, 1, 1, 2, 2, 3, 5]),
    // The web shop sells at the full price, tax included.
    pence: Math.round(product.pence * 1.95),
  }));
  if (size > 20)
    lines.push({ code: "DOT", description: "DOTCOM POSTAGE", quantity: 1, pence: random.integer(9_000, 60_000) });
  return lines;
}

function returned(random: Random): Line[] {
  if (random.chance(0.06))
    return [{ code: "D", description: "Discount", quantity: -1, pence: random.integer(500, 6_000) }];
  return random.sample(products, random.integer(1, 4)).map((product) => ({
    code: product.code,
    description: product.title,
    quantity: -random.pick([1, 1, 1, 2, 3, 6, 12]),
    pence: product.pence,
  }));
}

const remarks = [
  "",
  "",
  "",
  "",
  "",
  "",
  "?",
  "?",
  "damaged",
  "Damaged",
  "lost",
  "lost in transit",
  "found",
  "check",
  "wet boxes, thrown away",
  'sold as "seconds"',
];

/** The warehouse corrects its stock: no price, an odd description or none, and often less than nothing, without a C. */
function stockCorrection(random: Random): Line & { verdict: Verdict } {
  const quantity = random.integer(1, 240) * (random.chance(0.52) ? -1 : 1);
  return { code: article(random).code, description: random.pick(remarks), quantity, pence: 0, verdict: "quarantined" };
}

function writeOff(book: Book): void {
  const line = { code: "B", description: "Adjust bad debt", quantity: 1 };
  book.invoice("A", null, [{ ...line, pence: 420_615, verdict: "valid" }]);
  book.invoice("A", null, [{ ...line, pence: -420_615, verdict: "quarantined" }]);
  book.invoice("A", null, [{ ...line, pence: -420_615, verdict: "quarantined" }]);
}

/** Customers who buy in this month, those who buy most first. */
function regulars(random: Random): number[] {
  const everyone = Array.from(
    { length: customerIds.last - customerIds.first + 1 },
    (_, position) => customerIds.first + position,
  );
  return random.sample(everyone, 900);
}

/** A customer: the square favours the front of the list, so that some come back often and many once. */
function customer(random: Random, shops: readonly number[]): number {
  const draw = random.next();
  return shops[Math.floor(draw * draw * shops.length)]!;
}

function article(random: Random): Line {
  const product = random.pick(products);
  return { code: product.code, description: product.title, quantity: 1, pence: product.pence };
}

function clean(lines: readonly Line[]): (Line & { verdict: Verdict })[] {
  return lines.map((line) => ({ ...line, verdict: "valid" }));
}

function openDays(): string[] {
  const days: string[] = [];
  const last = Date.parse(monthDays.last);
  for (let day = Date.parse(monthDays.first); day <= last; day += 86_400_000) {
    if (new Date(day).getUTCDay() !== 6) days.push(new Date(day).toISOString().slice(0, 10));
  }
  return days;
}

/** Pence as the source writes pounds: "2.55", "2.1", "0.0". */
function decimal(pence: number): string {
  const text = String(pence / 100);
  return text.includes(".") ? text : `${text}.0`;
}

function quoted(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}
