// Where the events come from and where they go. Nothing here is of one place: development, CI and production differ by the
// environment alone (see .env.example), and no password stands in a file.
import { defineConfig, env, type Duration } from "sluice";
import { bearer, http, mysql, oauth2, postgres, sqlite, webhook } from "sluice/connect";

const config = defineConfig({
  connections: {
    /** The shop's database, PostgreSQL. */
    shop: postgres(env("SHOP_URL")),
    /** The customer relations' database, MySQL or MariaDB. */
    crm: mysql(env("CRM_URL")),
    /** What the kiosks in the stores have written: a SQLite file. */
    kiosks: sqlite(env("KIOSKS_FILE", { secret: false })),
    /** The mobile app's events: pages by cursor, a token. */
    mobile: http(env("MOBILE_URL", { secret: false }), { auth: bearer(env("MOBILE_TOKEN")) }),
    /** The partners' events: pages by the Link header, OAuth 2.0. */
    partners: http(env("PARTNERS_URL", { secret: false }), {
      auth: oauth2({
        tokenUrl: env("PARTNERS_TOKEN_URL", { secret: false }),
        clientId: env("PARTNERS_CLIENT"),
        clientSecret: env("PARTNERS_SECRET"),
        scope: "events:read",
      }),
    }),
    /** Where the events of a day are brought together: PostgreSQL. */
    warehouse: postgres(env("WAREHOUSE_URL")),
  },
  // Whoever is on call is told of a night that failed.
  on: { failure: webhook(env("ALERTS_URL")) },
});

export const { shop, crm, kiosks, mobile, partners, warehouse } = config.connections;
/** The folder with a folder for each of the five exports. */
export const inputFolder: string = process.env["INPUT_FOLDER"] ?? "data/input";
/** How long a place that doesn't answer is left alone before it is asked again, at first. */
export const retryDelay = (process.env["RETRY_DELAY"] ?? "1m") as Duration;
/** The zone whose days are the business's. */
export const timeZone = "Asia/Taipei";
export default config;
