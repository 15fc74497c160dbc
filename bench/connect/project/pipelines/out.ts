// A table of PostgreSQL into Parquet.
import { extract, pipeline } from "sluice";
import { shop } from "../sluice.config.ts";

export default pipeline("out", ({ step }) => void step("events", extract(shop.read("events"))));
