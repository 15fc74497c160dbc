// Promise 1, exhaustively: SIGKILL after every durable write there is, and at every boundary of a step in its worker. What
// is left in the state and in PostgreSQL must be what is left without any of it: nothing lost, nothing twice, and nothing
// written by an attempt that had been overtaken.
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { finished } from "node:stream/promises";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Fault } from "../../src/embedded/faults.ts";
import { killGroup } from "../e2e/command.ts";
import { postgresMissing, startPostgres } from "../postgres-server.ts";
import type { ScratchProject } from "../e2e/scratch-project.ts";
import { crashProject, items, places, tables } from "./crash-project.ts";
import type { Life, LifeReport } from "./driver.ts";
import { outcomeOf, type Outcome } from "./outcome.ts";

const server = await startPostgres();
if (server === null) console.warn(postgresMissing);

/** Lives at a time: a life waits for processes to start more than it works. */
const lanes = 3;

describe.skipIf(server === null)(`an engine that is killed${server === null ? ` (${postgresMissing})` : ""}`, () => {
  let project: ScratchProject;
  let calm: { readonly report: LifeReport; readonly outcome: Outcome };

  /** A state folder and a database of its own, for the lives of one engine. */
  async function world<T>(use: (world: { home: string; url: string; client: Client }) => Promise<T>): Promise<T> {
    const home = mkdtempSync(join(tmpdir(), "sluice-crash-"));
    const name = `crash_${randomUUID().replaceAll("-", "")}`;
    const admin = new Client({ connectionString: server!.url });
    await admin.connect();
    await admin.query(`create database ${name}`);
    const url = server!.url.replace(/\/postgres$/, `/${name}`);
    const client = new Client({ connectionString: url });
    await client.connect();
    // The server may be stopped under a test that has failed.
    for (const connection of [admin, client]) connection.on("error", () => {});
    try {
      await client.query(tables);
      return await use({ home, url, client });
    } finally {
      await client.end();
      await admin.query(`drop database ${name} with (force)`);
      await admin.end();
      rmSync(home, { recursive: true, force: true });
    }
  }

  function live(options: Partial<Life> & { readonly home: string }, url: string): Promise<LifeReport | null> {
    const life: Life = {
      configPath: join(project.folder, "sluice.config.ts"),
      killAfter: null,
      moment: "unheard",
      faults: [],
      ...options,
    };
    return new Promise((resolve, reject) => {
      const child = spawn(
        process.execPath,
        ["--disable-warning=ExperimentalWarning", join(import.meta.dirname, "driver.ts"), JSON.stringify(life)],
        {
          cwd: project.folder,
          env: { ...process.env, CRASH_URL: url },
          detached: true,
          stdio: ["ignore", "pipe", "pipe"],
        },
      );
      // Nothing in it takes long: whoever has not ended by then never will.
      const stuck = setTimeout(() => {
        killGroup(child);
        reject(new Error(`The engine is stuck: ${JSON.stringify(life)}\n${stderr}`));
      }, 120_000);
      let [stdout, stderr] = ["", ""];
      child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
      child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
      child.on("error", reject);
      // Not "close": workers that outlive their scheduler for a moment have the pipes, too.
      child.on("exit", (code, signal) => {
        clearTimeout(stuck);
        if (signal === "SIGKILL") resolve(null);
        else if (code !== 0) reject(new Error(`The engine ended with ${code ?? signal}:\n${stderr}`));
        else void finished(child.stdout).then(() => resolve(JSON.parse(stdout) as LifeReport));
      });
    });
  }

  beforeAll(async () => {
    project = crashProject();
    calm = await world(async ({ home, url, client }) => {
      const report = (await live({ home }, url))!;
      const { outcome, breaches } = await outcomeOf(report, client);
      expect(breaches).toEqual([]);
      return { report, outcome };
    });
  }, 60_000);
  afterAll(async () => {
    project?.remove();
    await server?.stop();
  });

  /** Kills after write `k`, starts again, and says what differs from the world in which nobody was killed. */
  async function killed(k: number, moment: Life["moment"]): Promise<{ died: boolean; wrong: readonly string[] }> {
    return world(async ({ home, url, client }) => {
      const first = await live({ home, killAfter: k, moment }, url);
      const report = first ?? (await live({ home }, url))!;
      return { died: first === null, wrong: await differences(report, client) };
    });
  }

  async function differences(report: LifeReport, client: Client): Promise<string[]> {
    const { outcome, breaches } = await outcomeOf(report, client);
    const fields = Object.keys(outcome) as (keyof Outcome)[];
    const differing = fields.filter((field) => JSON.stringify(outcome[field]) !== JSON.stringify(calm.outcome[field]));
    return [
      ...breaches,
      ...differing.map(
        (field) => `${field}: ${JSON.stringify(outcome[field])}, not ${JSON.stringify(calm.outcome[field])}`,
      ),
    ];
  }

  it("ends well when nobody kills it", () => {
    const { outcome, report } = calm;
    expect(outcome.run).toBe("succeeded");
    expect(outcome.sales).toEqual(
      [
        { id: "s-1", amount: "10" },
        { id: "s-2", amount: "20.5" },
        { id: "s-4", amount: "7" },
        { id: "s-5", amount: "1" },
      ].map((row) => expect.objectContaining({ id: row.id })),
    );
    const slots = outcome.effects.map((row) => (row as { slot: string }).slot);
    expect(slots).toEqual([...items.map((_, item) => `each/${item}`), "flaky/", "hook/", "last/", "list/"]);
    expect(report.writes).toBeGreaterThan(12);
  });

  it.each(["unheard", "heard", "scheduler"] as const)(
    "after any one of its durable writes ends as it would have (%s)",
    { timeout: 600_000 },
    async (moment) => {
      const wrong: string[] = [];
      let [next, last, survived] = [1, 0, 0];
      const lane = async (): Promise<void> => {
        // How many writes there are depends a little on what shares a commit: the end is where several lives got past it.
        while (survived < lanes) {
          const k = next;
          next += 1;
          const result = await killed(k, moment);
          if (result.died) last = Math.max(last, k);
          else survived += 1;
          wrong.push(...result.wrong.map((line) => `killed after write ${k}: ${line}`));
        }
      };
      await Promise.all(Array.from({ length: lanes }, lane));
      expect(wrong).toEqual([]);
      expect(last).toBeGreaterThan(12);
      console.log(`killed after each of ${last} durable writes (${moment})`);
    },
  );

  it("whose worker dies before or after any step or item ends as it would have", { timeout: 600_000 }, async () => {
    const faults: Fault[] = places.flatMap(({ step, item }) =>
      (["kill-before", "kill-after"] as const).map((kind) => ({
        step,
        ...(item === undefined ? {} : { item }),
        kind,
        // The first two attempts of this one don't get to their end.
        attempt: step === "flaky" && kind === "kill-after" ? 3 : 1,
      })),
    );
    const wrong: string[] = [];
    const left = [...faults];
    const lane = async (): Promise<void> => {
      for (let fault = left.shift(); fault !== undefined; fault = left.shift()) {
        const hit = fault;
        const name = `${hit.kind} at ${hit.step}${hit.item === undefined ? "" : `[${hit.item}]`}`;
        await world(async ({ home, url, client }) => {
          const report = (await live({ home, faults: [hit] }, url))!;
          wrong.push(...(await differences(report, client)).map((line) => `${name}: ${line}`));
        });
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    expect(wrong).toEqual([]);
    console.log(`killed workers at ${faults.length} boundaries`);
  });
});
