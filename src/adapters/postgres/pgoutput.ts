// The messages of PostgreSQL's own output plugin, pgoutput, protocol version 1, as plain values
// (https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html). Values stay the text that the server sends.
import { SluiceError } from "../../errors.ts";

/** A value of a column: its text, null, or a large one that the server hasn't sent because it is as it was. */
export type SentValue = string | null | typeof unchanged;
export const unchanged: unique symbol = Symbol("unchanged");

export interface Relation {
  readonly id: number;
  readonly schema: string;
  readonly name: string;
  /** In the order of the values. `key`: it is a part of what identifies a row. */
  readonly columns: readonly { readonly name: string; readonly key: boolean }[];
}

/** What happened to one row. `old` is its key, or all of it where the table's replica identity is full; null where it isn't sent. */
export interface RowChange {
  readonly type: "insert" | "update" | "delete";
  readonly relation: number;
  readonly old: readonly SentValue[] | null;
  /** Does `old` hold the key's columns only? */
  readonly oldIsKey: boolean;
  readonly new: readonly SentValue[] | null;
}

export type Message =
  | { readonly type: "relation"; readonly relation: Relation }
  | RowChange
  | { readonly type: "truncate"; readonly relations: readonly number[] }
  /** The frame of a transaction, and what says nothing about rows. */
  | { readonly type: "other" };

export function parseMessage(bytes: Buffer): Message {
  const reader = createReader(bytes);
  const kind = String.fromCharCode(reader.int8());
  switch (kind) {
    case "R":
      return { type: "relation", relation: relationOf(reader) };
    case "I": {
      const relation = reader.int32();
      reader.int8();
      return { type: "insert", relation, old: null, oldIsKey: false, new: tupleOf(reader) };
    }
    case "U": {
      const relation = reader.int32();
      const mark = String.fromCharCode(reader.int8());
      if (mark === "N") return { type: "update", relation, old: null, oldIsKey: false, new: tupleOf(reader) };
      const old = tupleOf(reader);
      reader.int8();
      return { type: "update", relation, old, oldIsKey: mark === "K", new: tupleOf(reader) };
    }
    case "D": {
      const relation = reader.int32();
      const mark = String.fromCharCode(reader.int8());
      return { type: "delete", relation, old: tupleOf(reader), oldIsKey: mark === "K", new: null };
    }
    case "T": {
      const count = reader.int32();
      reader.int8();
      return { type: "truncate", relations: Array.from({ length: count }, () => reader.int32()) };
    }
    default:
      if ("BCOYM".includes(kind)) return { type: "other" };
      throw new SluiceError("SOURCE_MALFORMED", `pgoutput sent a message of the kind "${kind}", which is not known`, {
        hint: "Please report this with the server's version.",
      });
  }
}

function relationOf(reader: Reader): Relation {
  const id = reader.int32();
  const schema = reader.text();
  const name = reader.text();
  reader.int8();
  const columns = Array.from({ length: reader.int16() }, () => {
    const key = (reader.int8() & 1) === 1;
    const column = reader.text();
    reader.int32();
    reader.int32();
    return { name: column, key };
  });
  return { id, schema, name, columns };
}

function tupleOf(reader: Reader): SentValue[] {
  return Array.from({ length: reader.int16() }, () => {
    const kind = String.fromCharCode(reader.int8());
    if (kind === "n") return null;
    return kind === "u" ? unchanged : reader.bytes(reader.int32()).toString("utf8");
  });
}

interface Reader {
  int8(): number;
  int16(): number;
  int32(): number;
  /** Up to a zero byte. */
  text(): string;
  bytes(length: number): Buffer;
}

function createReader(bytes: Buffer): Reader {
  let position = 0;
  const advance = (length: number): number => {
    const before = position;
    position += length;
    return before;
  };
  return {
    int8: () => bytes.readUInt8(advance(1)),
    int16: () => bytes.readInt16BE(advance(2)),
    int32: () => bytes.readUInt32BE(advance(4)),
    text: () => {
      const end = bytes.indexOf(0, position);
      const text = bytes.toString("utf8", position, end);
      position = end + 1;
      return text;
    },
    bytes: (length) => {
      const start = advance(length);
      return bytes.subarray(start, start + length);
    },
  };
}
