import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lakeFolder } from "../../../src/adapters/lake/catalog.ts";
import { lakeRelation, lakeTables } from "../../../src/adapters/lake/read.ts";
import { lakeSink } from "../../../src/adapters/lake/sink.ts";
import { lake } from "../../../src/connect/lake.ts";
import { openSession } from "../../../src/dataset/session.ts";
import { silentLog } from "../../../src/log.ts";
import { testSink } from "../../conformance/sink.ts";

testSink({
  name: "lake",
  writes: lakeSink.capabilities.writes,
  create: async () => {
    const home = mkdtempSync(join(tmpdir(), "sluice-lake-"));
    const connection = lake()("warehouse");
    const [writing, reading] = await Promise.all([
      openSession({ temporaryFolder: home }),
      openSession({ temporaryFolder: home }),
    ]);
    const context = {
      folder: home,
      home,
      signal: new AbortController().signal,
      log: silentLog,
      session: async () => writing,
      resolve: String,
    };
    return {
      adapter: lakeSink,
      table: (name) => connection.table(name),
      context,
      rows: async (table) => {
        const state = lakeTables(lakeFolder(connection, context)).find(({ name }) => name === table.name);
        return state === undefined ? [] : reading.rows(lakeRelation(state));
      },
      dispose: async () => {
        writing.close();
        reading.close();
        await rm(home, { recursive: true, force: true });
      },
    };
  },
});
