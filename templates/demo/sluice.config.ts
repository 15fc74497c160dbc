// Where data comes from and goes to. `lake()` keeps tables as Parquet files beside the state; no server is needed.
import { defineConfig } from "sluice";
import { lake } from "sluice/connect";

const config = defineConfig({ connections: { warehouse: lake() } });

export const { warehouse } = config.connections;
export default config;
