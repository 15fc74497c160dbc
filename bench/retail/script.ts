// The peer: what a person would write by hand in one DuckDB script. Reads the day files, drops repeats, splits valid
// from invalid rows with their reasons, keeps both as Parquet, and computes the customers' features. Nothing in it is
// restartable, fenced or watched.
import { mkdirSync, readdirSync } from "node:fs";
import { DuckDBInstance } from "@duckdb/node-api";

const [mode, data, from, to] = process.argv.slice(2) as [string, string, string, string];
const folder = process.env["BENCH_FOLDER"]!;
mkdirSync(folder, { recursive: true });
const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
const connection = await instance.connect();
const files = readdirSync(data)
  .filter((name) => name.slice(0, 10) >= from && name.slice(0, 10) <= to && name.endsWith(".csv.gz"))
  .sort();

const columns = `{'InvoiceNo':'VARCHAR','StockCode':'VARCHAR','Description':'VARCHAR','Quantity':'VARCHAR','InvoiceDate':'VARCHAR','UnitPrice':'VARCHAR','CustomerID':'VARCHAR','Country':'VARCHAR'}`;
const names = `"InvoiceNo","StockCode","Description","Quantity","InvoiceDate","UnitPrice","CustomerID","Country"`;

async function day(paths: readonly string[], name: string): Promise<number[]> {
  await connection.run(`
    CREATE OR REPLACE TEMP TABLE lines AS
      SELECT *, row_number() OVER (PARTITION BY filename, ${names}) AS occurrence
      FROM read_csv([${paths.map((path) => `'${path}'`).join(",")}], header=true, auto_detect=false, delim=',', quote='"', escape='"', columns=${columns}, filename=true);
    CREATE OR REPLACE TEMP TABLE checked AS SELECT *, list_filter([
        CASE WHEN NOT coalesce(regexp_full_match("InvoiceNo", '[CA]?[0-9]{6}'), false) THEN 'invoice_no' END,
        CASE WHEN coalesce(TRY_CAST("Quantity" AS BIGINT), 0) = 0 THEN 'quantity' END,
        CASE WHEN NOT coalesce(TRY_CAST("UnitPrice" AS DOUBLE) > 0, false) THEN 'unit_price' END,
        CASE WHEN TRY_CAST("InvoiceDate" AS TIMESTAMP) IS NULL THEN 'invoice_date' END,
        CASE WHEN ("InvoiceNo" LIKE 'C%') <> (TRY_CAST("Quantity" AS BIGINT) < 0) THEN 'cancellation' END
      ], reason -> reason IS NOT NULL) AS reasons
      FROM lines WHERE occurrence = 1;
    COPY (SELECT "InvoiceNo" AS invoice_no, "StockCode" AS stock_code, "Description" AS description, "Quantity"::BIGINT AS quantity,
            "InvoiceDate"::TIMESTAMP AT TIME ZONE 'Europe/London' AS invoice_date, "UnitPrice"::DOUBLE AS unit_price,
            regexp_replace("CustomerID", '\\.0$', '') AS customer_id, "Country" AS country
          FROM checked WHERE len(reasons) = 0) TO '${folder}/sales-${name}.parquet' (COMPRESSION zstd);
    COPY (SELECT * FROM checked WHERE len(reasons) > 0) TO '${folder}/quarantine-${name}.parquet' (COMPRESSION zstd)`);
  const reader = await connection.runAndReadAll(`
    SELECT count(*)::INTEGER, (count(*) FILTER (occurrence > 1))::INTEGER,
           (SELECT count(*)::INTEGER FROM checked WHERE len(reasons) > 0) FROM lines`);
  const [rows, duplicate, quarantined] = reader.getRows()[0] as [number, number, number];
  return [rows, rows - duplicate - quarantined, duplicate, quarantined];
}

const totals = [0, 0, 0, 0];
const groups = mode === "all" ? [files] : files.map((file) => [file]);
for (const group of groups) {
  const counts = await day(
    group.map((file) => `${data}/${file}`),
    mode === "all" ? "all" : group[0]!.slice(0, 10),
  );
  counts.forEach((count, position) => (totals[position]! += count));
}

const revenue = "CAST(quantity * unit_price AS DECIMAL(38,6))";
const windowed = [7, 30, 90]
  .map(
    (days) => `
  count(DISTINCT invoice_no) FILTER (quantity > 0 AND invoice_date >= last_day - INTERVAL ${days} DAY) AS orders_${days}d,
  sum(${revenue}) FILTER (invoice_date >= last_day - INTERVAL ${days} DAY) AS revenue_${days}d`,
  )
  .join(",");
await connection.run(`
  COPY (
    WITH sales AS (SELECT * FROM read_parquet('${folder}/sales-*.parquet')),
         bounds AS (SELECT (TIMESTAMP '${to}' + INTERVAL 1 DAY) AT TIME ZONE 'Europe/London' AS last_day)
    SELECT customer_id, count(DISTINCT invoice_no) FILTER (quantity > 0) AS orders, sum(${revenue}) AS revenue,
           revenue / nullif(orders, 0) AS mean_basket, count(DISTINCT stock_code) AS distinct_products,
           min(invoice_date) AS first_purchase, max(invoice_date) AS last_purchase,
           count(DISTINCT CAST(invoice_date AT TIME ZONE 'Europe/London' AS DATE)) AS active_days, ${windowed},
           sum(${revenue}) FILTER (country = 'United Kingdom') AS revenue_uk,
           sum(${revenue}) FILTER (country <> 'United Kingdom') AS revenue_other
    FROM sales, bounds WHERE customer_id IS NOT NULL GROUP BY customer_id, last_day
  ) TO '${folder}/features.parquet' (COMPRESSION zstd)`);
console.log(JSON.stringify({ counts: totals }));
