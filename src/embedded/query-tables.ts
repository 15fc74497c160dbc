// Which tables a query names, from the engine's own parse of it. Whatever is not one SELECT is refused here.
import type { Session } from "../dataset/session.ts";
import { SluiceError } from "../errors.ts";

export interface TableName {
  /** In lower case, as connections are named. */
  readonly connection: string;
  /** Null in CONNECTION.TABLE. */
  readonly schema: string | null;
  readonly table: string;
}

export interface NamedTables {
  readonly tables: readonly TableName[];
  /** Does the query ask what tables there are? */
  readonly catalog: boolean;
}

const catalogSchemas: ReadonlySet<string> = new Set(["information_schema", "pg_catalog"]);

export async function tablesOf(session: Session, sql: string): Promise<NamedTables> {
  const statement = await parse(session, sql);
  const tables = new Map<string, TableName>();
  const bare = new Set<string>();
  const temporary = new Set<string>();
  let catalog = false;
  visit(statement, (node) => {
    if (node["type"] === "SHOW_REF" && node["query"] === null) catalog = true;
    // Names made by WITH. Where exactly they hold doesn't matter: the engine itself checks that.
    const made = (node["cte_map"] as { map?: { key: string }[] } | undefined)?.map ?? [];
    for (const { key } of made) temporary.add(key.toLowerCase());
    if (node["type"] === "RECURSIVE_CTE_NODE" && typeof node["cte_name"] === "string")
      temporary.add(node["cte_name"].toLowerCase());
    if (node["type"] !== "BASE_TABLE") return;
    const [first, schema, table] = [node["catalog_name"], node["schema_name"], node["table_name"]] as [
      string,
      string,
      string,
    ];
    if (catalogSchemas.has(schema.toLowerCase())) catalog = true;
    else if (first === "" && schema === "") bare.add(table);
    else {
      const name =
        first === ""
          ? { connection: schema.toLowerCase(), schema: null, table }
          : { connection: first.toLowerCase(), schema: schema === "main" ? null : schema, table };
      tables.set(JSON.stringify(name), name);
    }
  });
  for (const name of bare) {
    if (temporary.has(name.toLowerCase())) continue;
    throw new SluiceError("NOT_FOUND", `There is no table "${name}"`, {
      hint: `Name tables with their connection, such as warehouse.${/^\w+$/.test(name) ? name : "sales"}.`,
    });
  }
  return { tables: [...tables.values()], catalog };
}

interface Parsed {
  readonly error: boolean;
  readonly error_type?: string;
  readonly error_message?: string;
  readonly statements?: readonly unknown[];
}

async function parse(session: Session, sql: string): Promise<unknown> {
  const [row] = await session.rows("SELECT CAST(json_serialize_sql(CAST($1 AS VARCHAR)) AS VARCHAR) AS parsed", [sql]);
  const parsed = JSON.parse(row!["parsed"] as string) as Parsed;
  if (parsed.error && parsed.error_type === "parser") {
    throw new SluiceError("QUERY_FAILED", `The SQL does not parse: ${parsed.error_message}`, {
      hint: "It is DuckDB's SQL.",
      details: { sql },
    });
  }
  if (parsed.error || parsed.statements?.length !== 1) {
    throw new SluiceError(
      "USAGE",
      parsed.error ? "sluice query only reads: it takes a SELECT" : "sluice query takes one statement at a time",
      {
        hint: "Tables are written by the load steps of pipelines.",
      },
    );
  }
  return parsed.statements[0];
}

function visit(value: unknown, look: (node: Readonly<Record<string, unknown>>) => void): void {
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value)) look(value as Record<string, unknown>);
  for (const item of Object.values(value)) visit(item, look);
}
