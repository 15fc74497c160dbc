// Destination equals source, whatever the history: a few drawn ones, each disposition with each kind of cursor, on a real
// PostgreSQL. A thousand, or more: npm run histories -- --seeds 1000
import { afterAll, describe, expect, it } from "vitest";
import { postgresMissing, startPostgres } from "../postgres-server.ts";
import { playHistories } from "./play.ts";

const server = await startPostgres();
if (server === null) console.warn(postgresMissing);

describe.skipIf(server === null)(`a copy of a table${server === null ? ` (${postgresMissing})` : ""}`, () => {
  afterAll(() => server?.stop());

  it("is what its source is once nothing moves any more", { timeout: 300_000 }, async () => {
    const { played, failed, text } = await playHistories(server!.url, { from: 0, seeds: 20 });
    console.log(text);
    expect(failed).toEqual([]);
    expect(played).toBe(20);
  });
});
