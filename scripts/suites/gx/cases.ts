// Great Expectations' own cases as they lie in files: how a file is read, and which cases apply. Its JSON is Python's,
// with NaN and Infinity.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";

export interface GxTest {
  readonly title: string;
  readonly in: Readonly<Record<string, unknown>>;
  readonly out: Readonly<Record<string, unknown>>;
  readonly error?: object;
  readonly tolerance?: number;
  readonly only_for?: readonly string[];
  readonly suppress_test_for?: readonly string[];
}

export interface GxTable {
  readonly dataset_name?: string;
  readonly data: Readonly<Record<string, readonly unknown[]>>;
  readonly schemas?: Readonly<Record<string, unknown>>;
}

export interface GxDataset extends Omit<GxTable, "data"> {
  readonly data: GxTable["data"] | readonly GxTable[];
  readonly tests: readonly GxTest[];
  readonly only_for?: readonly string[];
  readonly suppress_test_for?: readonly string[];
}

export interface GxFile {
  readonly file: string;
  readonly expectation_type: string;
  readonly datasets: readonly GxDataset[];
}

/** All files of a folder and the folders in it, or the one file. */
export function readCases(path: string): GxFile[] {
  const files = statSync(path).isDirectory()
    ? readdirSync(path, { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".json"))
        .sort()
        .map((name) => join(path, name))
    : [path];
  return files.map((file) => ({
    ...(parse(readFileSync(file, "utf8")) as Omit<GxFile, "file">),
    file: relative(path, file) || file,
  }));
}

const infinite = "number:";

function parse(text: string): unknown {
  const plain = text.replace(/("(?:[^"\\]|\\.)*")|-?\bInfinity\b|\bNaN\b/g, (found, quoted: string | undefined) =>
    quoted === undefined ? JSON.stringify(infinite + found) : quoted,
  );
  return JSON.parse(plain, (_key, value: unknown) =>
    typeof value === "string" && value.startsWith(infinite) ? Number(value.slice(infinite.length)) : value,
  );
}

export type Backend = "postgresql" | "sqlite" | "pandas";

/** The backends, of those that need no service of anyone's, on which Great Expectations itself runs a case. */
export function backendsOf(dataset: GxDataset, test: GxTest): Backend[] {
  return (["postgresql", "sqlite", "pandas"] as const).filter((backend) =>
    [dataset, test].every(
      ({ only_for: only, suppress_test_for: suppressed }) =>
        (only === undefined || only.some((name) => names(name, backend))) &&
        !(suppressed ?? []).some((name) => names(name, backend)),
    ),
  );
}

/** "sqlalchemy" is every database; a name may end in the version of the interface, of which the third is current. */
function names(name: string, backend: Backend): boolean {
  const plain = name.replace(/_v3_api$/, "");
  return plain === backend || (plain === "sqlalchemy" && backend !== "pandas");
}
