// Rows as aligned text.

export interface TableColumn {
  /** Shown in capitals, unless it is the name of a column of data. */
  readonly title: string;
  readonly verbatim?: boolean;
  /** @default "left" */
  readonly align?: "left" | "right";
}

/** The rows under their titles, columns two spaces apart, without trailing spaces; ends in a line end. */
export function formatTable(columns: readonly TableColumn[], rows: readonly (readonly string[])[]): string {
  const lines = [
    columns.map((column) => (column.verbatim === true ? oneLine(column.title) : column.title.toUpperCase())),
    ...rows.map((row) => row.map(oneLine)),
  ];
  const widths = columns.map((_, position) => Math.max(...lines.map((line) => widthOf(line[position] ?? ""))));
  return lines
    .map((line) =>
      columns
        .map((column, position) => pad(line[position] ?? "", widths[position]!, column.align))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}

/** 366129 as "366,129", whatever the machine's locale. */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** Milliseconds as people read them: "340 ms", "1.2 s", "3 min 05 s". */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1_000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1_000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}

/** "3 runs", "1 run". */
/** "512 bytes", "3.4 MiB". */
export function formatBytes(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let [size, unit] = [bytes, 0];
  for (; size >= 1024 && unit < units.length - 1; unit += 1) size /= 1024;
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`;
}

export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Text that can't move the cursor or break the line: control characters are shown as they would be written in JSON. */
export function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex -- finding them is the point
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (character) =>
    character === "\n"
      ? "\\n"
      : character === "\t"
        ? "\\t"
        : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function pad(text: string, width: number, align: TableColumn["align"]): string {
  const space = " ".repeat(Math.max(0, width - widthOf(text)));
  return align === "right" ? space + text : text + space;
}

function widthOf(text: string): number {
  return [...text].length;
}
