// The table of types in the guide, held against a server.
import { Client } from "pg";
import { afterAll, describe, expect, it } from "vitest";
import { readingColumn } from "../../../src/adapters/postgres/reading-types.ts";
import { typesInGuide } from "../../database-types.ts";
import { postgresMissing, startPostgres } from "../../postgres-server.ts";

const server = await startPostgres();
afterAll(async () => server?.stop());

describe.skipIf(server === null)(
  server === null ? `types of PostgreSQL (${postgresMissing})` : "types of PostgreSQL",
  () => {
    it("become what the guide says", async () => {
      const told = typesInGuide("PostgreSQL");
      expect(told.length).toBeGreaterThan(30);
      const client = new Client({ connectionString: server!.url });
      await client.connect();
      const { fields } = await client.query(`select ${told.map(({ from }, i) => `null::${from} as c${i}`).join(", ")}`);
      await client.end();
      expect(fields.map((field, index) => ({ from: told[index]!.from, to: readingColumn(field).type }))).toEqual(told);
    });
  },
);
