// A suggested contract as a TypeScript file that a person can read and keep.
import { textOf, type Suggestion } from "./suggestion.ts";

export interface ContractFile {
  /** Name of the contract: lower case, digits and "_". */
  readonly name: string;
  /** What it was suggested from: "orders.csv". */
  readonly source: string;
  readonly rows: number;
  readonly suggestions: readonly Suggestion[];
}

const widest = 120;

/** The file's text. */
export function contractText({ name, source, rows, suggestions }: ContractFile): string {
  const uses = (call: string): boolean => suggestions.some(({ calls }) => calls.some((item) => item.name === call));
  const imports = ["contract", ...(uses("timestamp") ? ["timestamp"] : [])];
  return [
    `// Suggested from the ${rows.toLocaleString("en-US")} rows of ${source}. It says what was there; what is right, you know better.`,
    `import { ${imports.join(", ")} } from "sluice/quality";`,
    `import { z } from "zod";`,
    "",
    `export const ${camelCase(name)} = contract(${JSON.stringify(name)}, {`,
    "  row: z.strictObject({",
    ...suggestions.flatMap(fieldLines),
    "  }),",
    "});",
    "",
  ].join("\n");
}

function fieldLines({ column, calls, remarks }: Suggestion): string[] {
  const key = /^[A-Za-z_$][\w$]*$/.test(column) && column !== "__proto__" ? column : JSON.stringify(column);
  const field = `    ${key === '"__proto__"' ? `[${key}]` : key}: ${textOf(calls)},`;
  if (remarks.length === 0) return [field];
  const remark = `// ${remarks.join("; ")}`;
  return field.length + remark.length < widest ? [`${field} ${remark}`] : [`    ${remark}`, field];
}

function camelCase(name: string): string {
  const joined = name.replace(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()).replace(/_+$/, "");
  return reserved.has(joined) ? `${joined}Contract` : joined;
}

const reserved = new Set(
  "break case catch class const continue contract debugger default delete do else enum export extends false finally for function if implements import in instanceof interface let new null package private protected public return static super switch this throw timestamp true try typeof undefined var void while with yield z await eval arguments".split(
    " ",
  ),
);

/** A contract's name from that of a table or a file: "Orders-2026.csv.gz" is "orders_2026". */
export function contractName(target: string): string {
  const file = target.split(/[\\/]/).at(-1)!;
  const stem = /\.(?:csv|tsv|parquet|jsonl|ndjson)(?:\.\w+)?$/i.test(file)
    ? file.split(".")[0]!
    : file.split(".").at(-1)!;
  const plain = stem
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
  return /^[a-z]/.test(plain) ? plain : `data${plain === "" ? "" : `_${plain}`}`;
}
