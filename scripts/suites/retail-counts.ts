// The retail contract as one query written by hand, independent of Sluice: what it counts in each day's file.
import { DuckDBInstance } from "@duckdb/node-api";

export interface DayCounts {
  readonly in: number;
  readonly out: number;
  readonly duplicate: number;
  readonly quarantined: number;
}

/** Counts by day, for a folder of `YYYY-MM-DD.csv.gz`. */
export async function countByHand(folder: string): Promise<Map<string, DayCounts>> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const names = '"InvoiceNo","StockCode","Description","Quantity","InvoiceDate","UnitPrice","CustomerID","Country"';
  const reader = await connection.runAndReadAll(`
    with lines as (
      select *, filename[-17:-8] as day, row_number() over (partition by filename, ${names}) as occurrence
      from read_csv('${folder.replaceAll("'", "''")}/*.csv.gz', header = true, all_varchar = true, filename = true)),
    judged as (
      select day, occurrence,
             regexp_full_match("InvoiceNo", '[CA]?[0-9]{6}') and "Quantity"::bigint <> 0 and "UnitPrice"::double > 0
             and starts_with("InvoiceNo", 'C') = ("Quantity"::bigint < 0) as valid
      from lines)
    select day, count(*)::int, (count(*) filter (occurrence = 1 and valid))::int,
           (count(*) filter (occurrence > 1))::int, (count(*) filter (occurrence = 1 and not valid))::int
    from judged group by day`);
  const rows = reader.getRows() as [string, number, number, number, number][];
  return new Map(
    rows.map(([day, all, out, duplicate, quarantined]) => [day, { in: all, out, duplicate, quarantined }]),
  );
}
