// npm run histories: copies of tables that are kept by incremental reading, in drawn histories on a PostgreSQL of their own
// (test/histories).
//
//   npm run histories -- --seeds 1000 [--from 0] [--lanes 2]    many, some at a time, each lane on a server of its own
//   npm run histories -- --from 42                              one
//
// Ends with 1 when a copy is not what its source is.
import { parseArgs } from "node:util";
import { startPostgres } from "../test/postgres-server.ts";
import { playHistories } from "../test/histories/play.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1" },
    from: { type: "string", default: "0" },
    lanes: { type: "string", default: "2" },
  },
});
const [seeds, from, lanes] = [values.seeds, values.from, values.lanes].map(Number) as [number, number, number];
if (![seeds, from, lanes].every((value) => Number.isSafeInteger(value) && value >= 0)) {
  console.error("usage: npm run histories -- [--seeds N] [--from N] [--lanes N]");
  process.exit(2);
}

const share = Math.ceil(seeds / Math.max(1, Math.min(lanes, seeds)));
const starts = Array.from({ length: Math.ceil(seeds / share) }, (_, lane) => from + lane * share);
const results = await Promise.all(
  starts.map(async (start) => {
    const server = await startPostgres();
    if (server === null) throw new Error("This needs PostgreSQL's server: apt-get install postgresql");
    try {
      return await playHistories(server.url, { from: start, seeds: Math.min(share, from + seeds - start) });
    } finally {
      await server.stop();
    }
  }),
);
for (const { text, failed } of results) {
  console.log(text);
  for (const line of failed) console.log(line);
}
process.exit(results.some(({ failed }) => failed.length > 0) ? 1 : 0);
