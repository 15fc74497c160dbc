// Webhooks end to end: a service that is killed with SIGKILL while senders deliver and a pipeline loads. Every delivery
// that was answered 2xx is in the warehouse once, whatever the moment; those that were not are sent again, as senders do.
import { createHmac } from "node:crypto";
import type { ChildProcess } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { killGroup, sluice, sluiceJson } from "./command.ts";
import { scratchProject, type ScratchProject } from "./scratch-project.ts";

const secret = "planted-hook-secret";
const config = `
import { defineConfig, env } from "sluice";
import { inbox, lake, signature } from "sluice/connect";
const config = defineConfig({ connections: {
  warehouse: lake(),
  orders: inbox({ verify: signature({ header: "x-signature", secret: env("HOOK_SECRET") }), id: { body: "id" } }),
} });
export const { warehouse, orders } = config.connections;
export default config;
`;
const pipeline = `
import { extract, load, pipeline } from "sluice";
import { orders, warehouse } from "../sluice.config.ts";
export default pipeline("take_orders", { retry: { limit: 3, delay: "10ms" } }, ({ step }) => {
  const received = step("received", extract(
    orders.received({ columns: { position: { from: "position", type: "BIGINT" }, order_id: "body.id", total: "body.total" } }),
    { incremental: { cursor: "position", into: warehouse.table("orders") } },
  ));
  step("loaded", load(received, warehouse.table("orders")));
});
`;

interface Life {
  readonly url: string;
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
}

describe("webhooks", () => {
  let project: ScratchProject;
  const env = { HOOK_SECRET: secret, SLUICE_HOME: "" };
  beforeAll(() => {
    project = scratchProject({ "sluice.config.ts": config, "pipelines/take-orders.ts": pipeline });
  });
  afterAll(() => project.remove());

  async function begin(): Promise<Life> {
    const started = Promise.withResolvers<Life>();
    const ended = sluice(["serve", "--port", "0", "--json"], {
      cwd: project.folder,
      env,
      onStart: (child) => {
        child.stdout!.once("data", (text: string) =>
          started.resolve({ url: (JSON.parse(text) as { url: string }).url, child, ended }),
        );
      },
    });
    void ended.then((result) => started.reject(new Error(`sluice serve ended: ${result.stderr}`)));
    return started.promise;
  }

  async function deliver(url: string, id: number): Promise<Response> {
    const body = JSON.stringify({ id: `order-${id}`, total: id });
    const signed = createHmac("sha256", secret).update(body).digest("hex");
    const headers = { "content-type": "application/json", "x-signature": signed };
    return fetch(`${url}/hooks/orders`, { method: "POST", headers, body });
  }

  const startRun = async (url: string): Promise<void> => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${url}/api/pipelines/take_orders/runs`, { method: "POST", headers, body: "{}" });
    await response.body?.cancel();
  };

  it("that were answered 2xx arrive once each, whenever the service is killed", async () => {
    const answered = new Set<number>();
    let next = 0;
    for (const patience of [60, 150, 240]) {
      const life = await begin();
      const killed = new AbortController();
      const senders = Array.from({ length: 6 }, async () => {
        while (!killed.signal.aborted) {
          const id = next++;
          const response = await deliver(life.url, id).catch(() => null);
          if (response?.ok === true) answered.add(id);
        }
      });
      const runs = (async () => {
        while (!killed.signal.aborted) {
          await startRun(life.url).catch(() => {});
          await new Promise((resolve) => setTimeout(resolve, 40));
        }
      })();
      // The kill is to fall into deliveries and runs under way, not before them.
      await expect.poll(() => answered.size, { timeout: 20_000 }).toBeGreaterThan(patience);
      killGroup(life.child);
      await life.ended;
      killed.abort();
      await Promise.all([...senders, runs]);
    }
    const life = await begin();
    try {
      // What was not answered is sent again; and some of what was, by a sender that hasn't heard.
      for (let id = 0; id < next; id += 1) {
        if (answered.has(id) && id % 7 !== 0) continue;
        const response = await deliver(life.url, id);
        expect(response.status).toBe(200);
        const { duplicate } = (await response.json()) as { duplicate: boolean };
        if (answered.has(id)) expect(duplicate).toBe(true);
      }
      const forged = await fetch(`${life.url}/hooks/orders`, { method: "POST", body: '{"id": "forged"}' });
      expect(forged.status).toBe(401);
    } finally {
      life.child.kill("SIGTERM");
      await life.ended;
    }
    const { run } = await sluiceJson<{ run: { status: string } }>(["run", "take_orders"], { cwd: project.folder, env });
    expect(run.status).toBe("succeeded");
    const rows = await sluiceJson<{ order_id: string; times: number | string }[]>(
      ["query", "select order_id, count(*) as times from warehouse.orders group by 1"],
      { cwd: project.folder, env },
    );
    const times = new Map(rows.map((row) => [row.order_id, Number(row.times)]));
    expect([...times.values()].filter((count) => count !== 1)).toEqual([]);
    expect(times.size).toBe(next);
    for (const id of answered) expect(times.has(`order-${id}`)).toBe(true);
    expect(answered.size).toBeGreaterThan(240);
  }, 120_000);
});
