// Where the data comes from and where it goes. Each place has a default that needs no server, and an environment
// variable that puts a real one in its stead.
import { defineConfig, env } from "sluice";
import { bearer, http, lake, postgres, sqlite } from "sluice/connect";
import { catalogueDefaults } from "./catalogue-server.ts";

const config = defineConfig({
  connections: {
    /** Tables of sales, products and customers: Parquet files under the state folder, or PostgreSQL. */
    warehouse: process.env["WAREHOUSE_URL"] ? postgres(env("WAREHOUSE_URL")) : lake(),
    /** The shop's own database. */
    shop: process.env["DATABASE_URL"] ? postgres(env("DATABASE_URL")) : sqlite("data/generated/shop.db"),
    /** The product catalogue's HTTP API. */
    catalogue: http(env("CATALOGUE_URL", { default: catalogueDefaults.url, secret: false }), {
      auth: bearer(env("CATALOGUE_TOKEN", { default: catalogueDefaults.token })),
    }),
  },
});

export const { warehouse, shop, catalogue } = config.connections;
export default config;
