// A cell of a workbook as text: what its value is, not how it is shown.

/** Text, a truth, a moment (whose fields in UTC are what the sheet shows), or a number's digits as the file has them. */
export type CellValue = string | boolean | Date | { readonly digits: string } | null | undefined;

export function cellText(cell: CellValue): string | null {
  if (cell === null || cell === undefined) return null;
  if (typeof cell === "string") return cell;
  if (typeof cell === "boolean") return String(cell);
  return cell instanceof Date ? momentText(cell) : numberText(cell.digits);
}

/** A workbook keeps doubles, some with more digits than tell them apart: those that do are enough. */
function numberText(digits: string): string {
  const shortest = String(Number(digits));
  return /^-?\d+(\.\d+)?$/.test(digits) && digits.length <= shortest.length ? digits : shortest;
}

/** A day without a time as the day alone. Moments are whole milliseconds; the serial numbers behind them are a little less. */
function momentText(moment: Date): string {
  const time = moment.getTime();
  const text = new Date(time % 1000 === 999 || time % 1000 === -1 ? time + 1 : time).toISOString();
  return text.endsWith("T00:00:00.000Z") ? text.slice(0, 10) : text.replace(/(\.000)?Z$/, "");
}
