// The public test suite of JSON Schema 2020-12, in folders of {description, schema, tests: [{description, data, valid}]}:
// row validator and columnar compiler must agree with the suite and with each other. A group is skipped when a contract
// refuses its schema. Files under optional/format are asked with formats asserted.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { openSession, type Session } from "../../src/dataset/session.ts";
import { quoteLiteral } from "../../src/dataset/sql.ts";
import { SluiceError } from "../../src/errors.ts";
import type { Json } from "../../src/json.ts";
import { compileJsonSchema } from "../../src/quality/json-schema-validator.ts";
import { type JsonSchema, readJsonSchema } from "../../src/quality/json-schema.ts";
import { shapeSql } from "../../src/quality/shape-sql.ts";
import type { Suite, SuiteCase } from "./suite.ts";

interface Group {
  readonly description: string;
  readonly schema: JsonSchema | boolean;
  readonly tests: readonly { readonly description: string; readonly data: Json; readonly valid: boolean }[];
}

export const suite: Suite = async (path) => {
  const session = await openSession({ temporaryFolder: join(path, ".spill") });
  try {
    const cases: SuiteCase[] = [];
    let left = 0;
    for (const file of jsonFiles(path)) {
      for (const group of JSON.parse(readFileSync(file, "utf8")) as Group[]) {
        const found = await judgeGroup(session, relative(path, file), group);
        cases.push(...found.cases);
        left += found.left;
      }
    }
    const asked = cases.filter(({ outcome }) => outcome !== "skipped").length;
    console.error(`SQL decided ${asked - left} of ${asked} values by itself; the others it left to the row validator`);
    return cases;
  } finally {
    session.close();
  }
};

function jsonFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => join(folder, name));
}

async function judgeGroup(
  session: Session,
  file: string,
  { description, schema, tests }: Group,
): Promise<{ cases: SuiteCase[]; left: number }> {
  const formats = file.includes("optional/format/") ? "assert" : "annotate";
  const title = (test: Group["tests"][number]): string => `${description}: ${test.description}`;
  let shape;
  try {
    shape = readJsonSchema({ contract: "suite", root: schema, formats, open: [] });
  } catch (error) {
    if (!(error instanceof SluiceError) || error.code !== "DEFINITION_INVALID") throw error;
    return {
      cases: tests.map((test) => ({ file, title: title(test), outcome: "skipped", reason: error.message })),
      left: 0,
    };
  }
  const validator = compileJsonSchema(schema, formats);
  const values = tests.map((test) => `${quoteLiteral(JSON.stringify(test.data))}::JSON`).join(", ");
  const sql = shapeSql(shape, { json: "x", mayRepeatKeys: true });
  if (process.env.DBG) console.error(file, description, sql.slice(0, 3000));
  const columnar = await session.rows(`SELECT ${sql} AS verdict FROM (SELECT unnest([${values}]) AS x)`);
  let left = 0;
  const cases = tests.map((test, position): SuiteCase => {
    const row = validator.test(test.data);
    const verdict = columnar[position]!["verdict"] as boolean | null;
    if (verdict === null) left += 1;
    const wrong = [
      ...(row === test.valid ? [] : [`the row validator says ${row}`]),
      ...(row === (validator.explain(test.data).length === 0) ? [] : ["the reasons contradict the row validator"]),
      ...(verdict === null || verdict === test.valid ? [] : [`the columnar compiler says ${verdict}`]),
    ];
    const outcome = wrong.length === 0 ? "passed" : "failed";
    return { file, title: title(test), outcome, reason: wrong.join("; ") };
  });
  return { cases, left };
}
