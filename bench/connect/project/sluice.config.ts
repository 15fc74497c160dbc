// The database that the bench has started, with the memory that it grants a worker.
import { defineConfig, env } from "sluice";
import { postgres } from "sluice/connect";

const config = defineConfig({ memory: "256MB", connections: { shop: postgres(env("BENCH_URL")) } });

export const { shop } = config.connections;
export default config;
