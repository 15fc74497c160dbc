// Parquet into a table of PostgreSQL.
import { extract, load, pipeline } from "sluice";
import { parquet } from "sluice/connect";
import { shop } from "../sluice.config.ts";

export default pipeline("back", ({ step }) => {
  const events = step("events", extract(parquet(`${process.env["BENCH_PARQUET"]}`)));
  step("loaded", load(events, shop.table("events_back"), { write: "replace" }));
});
