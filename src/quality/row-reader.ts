// Rows of a judged dataset in JS: their cells as text, so that no digit is lost, and the row that a validator sees.
import type { Dataset } from "../dataset/dataset.ts";
import type { Session } from "../dataset/session.ts";
import type { JsonObject } from "../json.ts";
import { cellClass, type CellClass, cellText, decodeInto, rawCell } from "./cell.ts";
import { bitsPerWord } from "./compile.ts";
import type { Contract } from "./contract.ts";

/** SQL of every cell as a text that can travel. */
export function cellTexts({ columns }: Pick<Dataset, "columns">): string[] {
  // The binding's decoder swallows a byte order mark at the start of a text: no text starts with its own first character.
  return columns.map((column, position) => `'.' || ${cellText(`c${position}`, column.type)}`);
}

export function cellsOf(texts: readonly unknown[]): (string | null)[] {
  return (texts as (string | null)[]).map((text) => text?.slice(1) ?? null);
}

/** The rows of a query, chunk by chunk. */
export async function* chunks(session: Session, query: string): AsyncGenerator<readonly (readonly unknown[])[]> {
  // Not a stream: that ends in silence when anything else is run on the connection. This result spills if it must.
  const result = await session.connection.run(query);
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk())
    yield chunk.getRows();
}

export type RowReader = (cells: readonly (string | null)[]) => {
  readonly row: Record<string, unknown>;
  /** The row as it was delivered. */
  readonly raw: () => JsonObject;
};

export function rowReader(contract: Contract, { columns }: Pick<Dataset, "columns">): RowReader {
  const classes = columns.map((column): CellClass => cellClass(column.type));
  const positions = new Map(columns.map((column, position) => [column.name, position]));
  return (cells) => {
    const row: Record<string, unknown> = {};
    for (const field of contract.schema.fields) {
      const position = positions.get(field.name);
      if (position === undefined) decodeInto(row, field, null, "text");
      else decodeInto(row, field, cells[position] ?? null, classes[position]!);
    }
    const raw = (): JsonObject =>
      Object.fromEntries(
        columns.map((column, position) => [column.name, rawCell(cells[position] ?? null, classes[position]!)]),
      );
    return { row, raw };
  };
}

/** Names of the bits that are set. */
export function bitNames(bits: readonly string[], words: readonly bigint[]): string[] {
  return bits.filter(
    (_, position) => ((words[Math.floor(position / bitsPerWord)] ?? 0n) >> BigInt(position % bitsPerWord)) & 1n,
  );
}
