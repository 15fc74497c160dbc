// Webhooks end to end: a service that is killed with SIGKILL while senders deliver and a pipeline loads. Every delivery
// that was answered 2xx is in the warehouse once, whatever the moment; those that were not are sent again, as senders do.
import { createHmac } from "node:crypto";
import type { ChildProcess } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { killGroup, sluice, sluiceJson } from "./command.ts";
import { readPage } from "../docs/pages.ts";
import { scratchProject, type ScratchProject } from "./scratch-project.ts";
import { withService } from "./service.ts";

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
// Two runs from one position would both be right, and the slower one refused.
export default pipeline("take_orders", { maxActiveRuns: 1, retry: { limit: 3, delay: "10ms" } }, ({ step }) => {
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

it("the guide's own project takes what each kind of sender delivers, and loads it", async () => {
  const [configFence, pipelineFence] = readPage("docs/guides/webhooks.md").fences.filter(({ info }) => info === "ts");
  const project = scratchProject({
    "sluice.config.ts": configFence!.text,
    "pipelines/take-payments.ts": `import { extract, load, pipeline } from "sluice";
      import { payments, warehouse } from "../sluice.config.ts";\n${pipelineFence!.text}`,
  });
  const crmSecret = Buffer.from("crm").toString("base64");
  const env = {
    SLUICE_HOME: "",
    STRIPE_SECRET: "s1",
    GITHUB_SECRET: "s2",
    CRM_SECRET: `whsec_${crmSecret}`,
    INTERNAL_TOKEN: "s4",
  };
  const options = { cwd: project.folder, env };
  const hmac = (secret: string, text: string, encoding: "hex" | "base64" = "hex"): string =>
    createHmac("sha256", secret).update(text).digest(encoding);
  const at = String(Math.floor(Date.now() / 1000));
  const body = JSON.stringify({ id: "evt_1", type: "charge.succeeded", data: { object: { amount: 1250 } } });
  try {
    await withService(
      options,
      async ({ url }) => {
        const deliver = async (name: string, headers: Record<string, string>): Promise<unknown> => {
          const response = await fetch(`${url}/hooks/${name}`, { method: "POST", headers, body });
          return [response.status, await response.json()];
        };
        const stripe = { "stripe-signature": `t=${at},v1=${hmac("s1", `${at}.${body}`)}` };
        expect(await deliver("payments", stripe)).toEqual([200, { delivery: "evt_1", duplicate: false }]);
        expect(await deliver("payments", stripe)).toEqual([200, { delivery: "evt_1", duplicate: true }]);
        const github = { "x-hub-signature-256": `sha256=${hmac("s2", body)}`, "x-github-delivery": "d-1" };
        expect(await deliver("issues", github)).toEqual([200, { delivery: "d-1", duplicate: false }]);
        const crm = {
          "webhook-id": "m-1",
          "webhook-timestamp": at,
          "webhook-signature": `v1,${hmac("crm", `m-1.${at}.${body}`, "base64")}`,
        };
        expect(await deliver("crm", crm)).toEqual([200, { delivery: "m-1", duplicate: false }]);
        expect(await deliver("internal", { authorization: "Bearer s4" })).toMatchObject([200, { duplicate: false }]);
        expect(await deliver("internal", { authorization: "Bearer s5" })).toMatchObject([401, {}]);
      },
      [],
    );
    const { run } = await sluiceJson<{ run: { status: string } }>(["run", "take_payments"], options);
    expect(run.status).toBe("succeeded");
    await sluiceJson(["run", "take_payments"], options);
    const query = ["query", "select position, event_type, amount from warehouse.payments"];
    expect(await sluiceJson(query, options)).toEqual([{ position: 1, event_type: "charge.succeeded", amount: "1250" }]);
    const tested = await sluiceJson<{ server: string }[]>(["connections", "test", "payments"], options);
    expect(tested[0]!.server).toMatch(/^POST \/hooks\/payments: 1 delivery, the last at /);
  } finally {
    project.remove();
  }
}, 60_000);
