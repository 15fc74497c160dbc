// Rows that SQL could not decide, judged in JS: only those, and of them only the columns that are open. Where the row as a
// whole is open, its columns are decoded when they are read.
import type { Dataset } from "../dataset/dataset.ts";
import type { Session } from "../dataset/session.ts";
import { cellClass, cellText, decodeInto } from "./cell.ts";
import { type CompiledContract, wholeBit } from "./compile.ts";
import type { Contract } from "./contract.ts";
import { lazyRow } from "./lazy-row.ts";
import { bitNames } from "./row-reader.ts";
import type { Field } from "./schema.ts";

export interface OpenRows {
  readonly session: Session;
  readonly contract: Contract;
  readonly dataset: Dataset;
  readonly compiled: CompiledContract;
  /** The judged rows. */
  readonly table: string;
}

/** Numbers of the rows that are not valid after all. */
export async function failingRows({ session, contract, dataset, compiled, table }: OpenRows): Promise<number[]> {
  const { validator, schema } = contract;
  const wholeIsOpen = schema.residual.length > 0 || schema.shape !== null;
  const byColumn = validator.testField !== undefined && (!wholeIsOpen || validator.testWhole !== undefined);
  const mayBeOpen = new Set(compiled.openBits);
  const positions = new Map(dataset.columns.map((column, position) => [column.name, position]));
  // A missing column is open alike in every row: it is read as a null.
  const fields = byColumn && !wholeIsOpen ? schema.fields.filter(({ name }) => mayBeOpen.has(name)) : schema.fields;
  const cells = fields.map(({ name }) => {
    const position = positions.get(name);
    return position === undefined ? "NULL" : `'.' || ${cellText(`c${position}`, dataset.columns[position]!.type)}`;
  });
  const classes = fields.map(({ name }) => {
    const position = positions.get(name);
    return position === undefined ? "text" : cellClass(dataset.columns[position]!.type);
  });
  const words = compiled.open.map((_, word) => `o${word}`);
  const isOpen = words.map((word) => `${word} <> 0`).join(" OR ");
  const query = `SELECT ${["rid", ...words, ...cells].join(", ")} FROM ${table} WHERE NOT suspect AND (${isOpen}) ORDER BY rid`;
  const indexes = new Map(fields.map((field, index) => [field.name, index]));
  const failing: number[] = [];
  const result = await session.connection.run(query);
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    const vectors = Array.from({ length: chunk.columnCount }, (_, column) => chunk.getColumnVector(column));
    for (let row = 0; row < chunk.rowCount; row += 1) {
      const decode = (index: number, into: Record<string, unknown>): void => {
        const text = vectors[1 + words.length + index]!.getItem(row) as string | null;
        decodeInto(into, fields[index]!, text?.slice(1) ?? null, classes[index]!);
      };
      const set = words.map((_, word) => vectors[1 + word]!.getItem(row) as bigint);
      if (!isValid(bitNames(compiled.bits, set), decode)) failing.push(Number(vectors[0]!.getItem(row)));
    }
  }
  return failing;

  function isValid(open: readonly string[], decode: (index: number, into: Record<string, unknown>) => void): boolean {
    if (!byColumn) {
      const row: Record<string, unknown> = {};
      fields.forEach((_: Field, index) => decode(index, row));
      return validator.test(row);
    }
    for (const name of open) {
      if (name === wholeBit) continue;
      const value: Record<string, unknown> = {};
      decode(indexes.get(name)!, value);
      if (!validator.testField!(name, value[name])) return false;
    }
    if (!open.includes(wholeBit)) return true;
    const { row, isChanged } = lazyRow(
      fields.map(({ name }) => name),
      decode,
    );
    return validator.testWhole!(row) && !isChanged();
  }
}
