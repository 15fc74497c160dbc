// The project that is killed: a pipeline with retries, a mapped step, a person's decision, a contract, a gate, and two kinds
// of effects in PostgreSQL: rows loaded by the sink, and rows that tasks write themselves in a transaction with their key.
// Every accepted write leaves a line in a ledger, with who wrote it.
import { scratchProject, type ScratchProject } from "../e2e/scratch-project.ts";

export const items = ["ant", "bee", "cat", "dog"];

const files = {
  "sluice.config.ts": `
    import { defineConfig, env } from "sluice";
    import { postgres } from "sluice/connect";
    export const config = defineConfig({ connections: { warehouse: postgres(env("CRASH_URL")) }, workers: 2 });
    export const { warehouse } = config.connections;
    export default config;`,
  "effect.ts": `
    import { Client } from "pg";
    /** Writes a row under the attempt's key, once; refuses whoever has been overtaken. The line in the ledger says who wrote it. */
    export async function effect(value, { runId, step, item, attempt, fence, idempotencyKey }) {
      const client = new Client({ connectionString: process.env.CRASH_URL });
      await client.connect();
      try {
        const slot = step + "/" + (item ?? "");
        await client.query("begin");
        // Holds the slot until the end of the transaction: two writers can't both find themselves the newest.
        await client.query("insert into fences values ($1, 0) on conflict do nothing", [slot]);
        const { rows } = await client.query("select fence from fences where slot = $1 for update", [slot]);
        if (Number(rows[0].fence) > fence) {
          await client.query("rollback");
          await client.query("insert into refused (slot, fence, highest) values ($1, $2, $3)", [slot, fence, rows[0].fence]);
          throw new Error("overtaken");
        }
        await client.query("update fences set fence = $2 where slot = $1", [slot, fence]);
        const { rowCount } = await client.query("insert into effects values ($1, $2, $3) on conflict do nothing", [idempotencyKey, slot, value]);
        await client.query("insert into ledger (run, step, item, attempt, fence, pid, wrote) values ($1, $2, $3, $4, $5, $6, $7)",
          [runId, step, item, attempt, fence, process.pid, rowCount === 1]);
        await client.query("commit");
      } finally {
        await client.end();
      }
    }`,
  "pipelines/crash.ts": `
    import { approval, extract, load, map, pipeline, task } from "sluice";
    import { csv } from "sluice/connect";
    import { contract, gate, validate } from "sluice/quality";
    import { z } from "zod";
    import { effect } from "../effect.ts";
    import { warehouse } from "../sluice.config.ts";

    const sale = contract("sale", {
      row: z.strictObject({ id: z.string().min(1), amount: z.number().positive() }),
      onInvalid: "quarantine",
    });

    export default pipeline("crash", {
      retry: { limit: 4, delay: "20ms", backoff: "constant" },
      on: { success: async (notice) => effect("told", { ...notice, step: "hook", item: null, attempt: 1, fence: 1, idempotencyKey: notice.key }) },
    }, ({ step }) => {
      const list = step("list", task(async (_inputs, context) => {
        await effect("list", context);
        return ${JSON.stringify(items)};
      }));
      const each = step("each", map(list, async (name, context) => {
        // One of them fails at its first try, after it has had its effect.
        await effect(name, context);
        if (name === "bee" && context.attempt === 1) throw new Error("no answer");
        return name.length;
      }));
      const flaky = step("flaky", task({ list }, async (_inputs, context) => {
        if (context.attempt < 3) throw new Error("not yet");
        await effect("flaky", context);
        return "done";
      }));
      const rows = step("rows", extract(csv("data/sales.csv")));
      const clean = step("clean", validate(rows, sale));
      const ok = step("ok", approval({ message: "Load them?" }), { after: clean });
      const loaded = step("loaded", load(clean, warehouse.table("sales"), { write: "append" }), { after: ok });
      const enough = step("enough", gate(loaded, { minRows: 3, loadedRatio: 0.5 }));
      step("last", task({ each, flaky }, async ({ each }, context) => {
        await effect(String(each.reduce((sum, length) => sum + length, 0)), context);
      }), { after: enough });
    });`,
  "data/sales.csv": "id,amount\ns-1,10\ns-2,20.5\ns-3,0\ns-4,7\ns-5,1\n",
};

export function crashProject(): ScratchProject {
  return scratchProject(files);
}

/** What the project's tasks write to; the sink makes its own. */
export const tables = `
  create table effects (key text primary key, slot text not null, value text not null);
  create table fences (slot text primary key, fence bigint not null);
  create table refused (slot text not null, fence bigint not null, highest bigint not null);
  create table ledger (
    id bigserial primary key, run text not null, step text not null, item int, attempt int not null, fence bigint not null,
    pid int not null, wrote boolean not null, at timestamptz not null default now()
  );`;

/** The steps, and the items of the mapped one, at which a worker can be killed. */
export const places: readonly { readonly step: string; readonly item?: number }[] = [
  { step: "list" },
  ...items.map((_, item) => ({ step: "each", item })),
  { step: "flaky" },
  { step: "rows" },
  { step: "clean" },
  { step: "loaded" },
  { step: "enough" },
  { step: "last" },
];
