// The project that soaks: many pipelines on short schedules, of every kind that there is, whose tasks write down each effect
// in a file beside the state.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Where tasks write down what they have done. */
export const ledgerFile = "ledger.db";

const config = `
import { defineConfig } from "sluice";
import { lake } from "sluice/connect";
import { told } from "./effect.ts";
export const config = defineConfig({
  connections: { warehouse: lake() }, pools: { narrow: 2 }, workers: 2, on: { failure: told },
});
export const { warehouse } = config.connections;
export default config;
`;

const effect = `
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
const open = () => {
  const database = new DatabaseSync(join(import.meta.dirname, ${JSON.stringify(ledgerFile)}));
  database.exec("PRAGMA busy_timeout = 20000");
  return database;
};
/** One transaction: is there a newer writer, has it been done already, and the line that says that it has. */
export function effect({ runId, step, item, attempt, fence, idempotencyKey }) {
  const database = open();
  try {
    database.exec("BEGIN IMMEDIATE");
    const slot = runId + "/" + step + "/" + (item ?? "");
    const highest = database.prepare("SELECT fence FROM fences WHERE slot = ?").get(slot)?.fence ?? 0;
    if (highest > fence) {
      database.prepare("INSERT INTO refused (slot) VALUES (?)").run(slot);
      database.exec("COMMIT");
      throw new Error("overtaken");
    }
    database.prepare("INSERT INTO fences (slot, fence) VALUES (?, ?) ON CONFLICT DO UPDATE SET fence = excluded.fence").run(slot, fence);
    database.prepare("INSERT INTO effects (key, run, step, item, attempt, fence) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
      .run(idempotencyKey, runId, step, item, attempt, fence);
    database.exec("COMMIT");
  } finally {
    database.close();
  }
}
export function told(notice) {
  const database = open();
  try {
    database.prepare("INSERT INTO told (key, run, event) VALUES (?, ?, ?)").run(notice.key, notice.runId, notice.event);
  } finally {
    database.close();
  }
}
/** The same for the same words: what goes wrong does so however often it is tried anew. */
export function dice(...words) {
  let hash = 0x811c9dc5;
  for (const character of words.join("/")) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  return (hash >>> 0) / 2 ** 32;
}
export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
`;

const imports = `
import { approval, branch, extract, load, map, pipeline, sensor, shortCircuit, task, when } from "sluice";
import { csv } from "sluice/connect";
import { dice, effect, sleep, told } from "../effect.ts";
import { warehouse } from "../sluice.config.ts";
`;

const retry = `retry: { limit: 3, delay: "200ms", jitter: 0.5 }`;

/** Bodies of pipelines, in turn. \`EVERY\` is the interval of the schedule. */
const bodies: readonly string[] = [
  // A chain, some of whose tasks fail now and then.
  `{ schedule: { every: "EVERY", from: "FROM", catchup: true }, ${retry}, on: { retry: told, failure: told } }, ({ step }) => {
    let before;
    for (let position = 0; position < 5; position += 1) {
      before = step("s" + position, task(async (_inputs, context) => {
        if (dice(context.runId, context.step, context.attempt) < 0.08) throw new Error("no answer");
        effect(context);
      }), before === undefined ? {} : { after: before });
    }
  }`,
  // A map, with a pool, and one join.
  `{ schedule: { every: "EVERY", from: "FROM", catchup: true }, ${retry} }, ({ step }) => {
    const list = step("list", task(async () => Array.from({ length: 12 }, (_, index) => index)));
    const each = step("each", map(list, async (number, context) => {
      if (dice(context.runId, number, context.attempt) < 0.05) throw new Error("no answer");
      effect(context);
      return number;
    }), { pool: "narrow" });
    step("join", task({ each }, async (_inputs, context) => effect(context)));
  }`,
  // A sensor, a branch, and what it chooses.
  `{ schedule: { every: "EVERY", from: "FROM", catchup: true }, ${retry} }, ({ step }) => {
    const ready = step("ready", sensor(async (_inputs, context) => dice(context.runId, context.attempt) < 0.4, { every: "700ms", deadline: "1m", onDeadline: "skip" }));
    const route = step("route", branch({}, (_inputs, context) => dice(context.runId) < 0.5 ? "left" : "right"), { after: ready });
    step("left", task(async (_inputs, context) => effect(context)), { after: when(route, "left") });
    step("right", task(async (_inputs, context) => effect(context)), { after: when(route, "right") });
  }`,
  // A run that fails now and then, with a teardown and a hook.
  `{ schedule: { every: "EVERY", from: "FROM", catchup: true }, on: { failure: told, success: told } }, ({ step }) => {
    const up = step("up", task(async (_inputs, context) => effect(context)));
    step("work", task({ up }, async (_inputs, context) => {
      effect(context);
      if (dice(context.runId) < 0.2) throw new Error("for good");
      await sleep(300);
    }), { retry: { limit: 0 } });
    step("down", task(async (_inputs, context) => effect(context)), { teardown: up });
  }`,
  // Rows from a file into a table; what waits for the table is the next one.
  `{ schedule: { every: "EVERY", from: "FROM", catchup: true }, ${retry} }, ({ step }) => {
    const rows = step("rows", extract(csv("data/rows.csv")));
    step("loaded", load(rows, warehouse.table("rows_NUMBER"), { write: "replace" }));
  }`,
  `{ schedule: { onUpdate: "warehouse.rows_BEFORE" } }, ({ step }) => {
    step("seen", task(async (_inputs, context) => effect(context)));
  }`,
  // A person who never comes, and a value that ends it.
  `{ schedule: { every: "EVERY", from: "FROM", catchup: false } }, ({ step }) => {
    const ok = step("ok", approval({ message: "Go on?", deadline: "2s", onDeadline: "approve" }));
    const go = step("go", shortCircuit({ ok }, (_inputs, context) => dice(context.runId) < 0.7));
    step("done", task(async (_inputs, context) => effect(context)), { after: go, timeout: "30s" });
  }`,
];

/** Writes a project with so many pipelines into the folder. Every second pipeline is due every \`everyMs\`, the rest half as often. */
export function writeProject(folder: string, pipelines: number, everyMs: number): void {
  for (const part of ["pipelines", "data"]) mkdirSync(join(folder, part), { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
  writeFileSync(join(folder, "sluice.config.ts"), config);
  writeFileSync(join(folder, "effect.ts"), effect);
  writeFileSync(
    join(folder, "data/rows.csv"),
    `id,amount\n${Array.from({ length: 200 }, (_, row) => `r-${row},${row}`).join("\n")}\n`,
  );
  const from = new Date(Math.ceil(Date.now() / 1000) * 1000).toISOString();
  for (let number = 0; number < pipelines; number += 1) {
    const body = bodies[number % bodies.length]!.replaceAll("EVERY", `${everyMs * (1 + (number % 2))}ms`)
      .replaceAll("FROM", from)
      .replaceAll("NUMBER", String(number))
      .replaceAll("BEFORE", String(number - 1));
    writeFileSync(
      join(folder, `pipelines/p${number}.ts`),
      `${imports}\nexport default pipeline("p${number}", ${body});\n`,
    );
  }
  const ledger = new DatabaseSync(join(folder, ledgerFile));
  ledger.exec(`
    PRAGMA journal_mode = WAL;
    CREATE TABLE effects (key TEXT PRIMARY KEY, run TEXT NOT NULL, step TEXT NOT NULL, item INTEGER, attempt INTEGER NOT NULL, fence INTEGER NOT NULL) STRICT;
    CREATE TABLE fences (slot TEXT PRIMARY KEY, fence INTEGER NOT NULL) STRICT;
    CREATE TABLE refused (slot TEXT NOT NULL) STRICT;
    CREATE TABLE told (key TEXT NOT NULL, run TEXT NOT NULL, event TEXT NOT NULL) STRICT;
    CREATE INDEX effects_of_run ON effects (run, step);
    CREATE INDEX told_of_run ON told (run, event);
  `);
  ledger.close();
}
