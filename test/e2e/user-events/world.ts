// The ten places of examples/user-events and what stands around them, for real: two databases in PostgreSQL, one in MariaDB, a
// SQLite file, two APIs with what APIs do, folders of CSV, and whoever takes the alerts.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import mysql from "mysql2/promise";
import { Client } from "pg";
import type { MariadbServer } from "../../mariadb-server.ts";
import type { PostgresServer } from "../../postgres-server.ts";
import { dayOf, type Drawn, type Event } from "./events.ts";

export interface World {
  /** What the project's configuration reads. */
  readonly env: Readonly<Record<string, string>>;
  /** Bodies of what was posted to the alerts' address. */
  readonly alerts: Readonly<Record<string, unknown>>[];
  readonly warehouse: Client;
  /** Lets the partners' API answer, or refuse with 503. */
  partnersUp(up: boolean): void;
  close(): Promise<void>;
}

/** What must never show anywhere. */
export const secrets = {
  mobileToken: "mobile-token-5f2c",
  partnersSecret: "partners-secret-91ab",
  accessToken: "access-token-77e0",
} as const;

const ddl = "user_id varchar(64), event_id varchar(64), event_type varchar(20)";

export async function createWorld(drawn: Drawn, postgres: PostgresServer, mariadb: MariadbServer): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-events-"));
  const events = (place: Parameters<Drawn["byPlace"]["get"]>[0]): readonly Event[] => drawn.byPlace.get(place)!;
  const shopUrl = await createDatabase(postgres.url, "shop");
  const warehouseUrl = await createDatabase(postgres.url, "warehouse");
  await fillShop(shopUrl, events("shop"));
  await fillCrm(mariadb.url, events("crm"));
  fillKiosks(join(folder, "kiosks.db"), events("kiosks"));
  for (const place of ["web", "ios", "android", "stores", "email"] as const) fillFolder(folder, place, events(place));
  let up = true;
  const alerts: Record<string, unknown>[] = [];
  const server = createServer((request, response) => void answer(request, response));
  const url = await listening(server);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url!, url);
    if (pathname === "/alerts") {
      alerts.push(JSON.parse(await bodyOf(request)) as Record<string, unknown>);
      return send(response, 200, {});
    }
    if (pathname === "/oauth/token") {
      const given = Buffer.from((request.headers.authorization ?? "").replace("Basic ", ""), "base64").toString();
      if (given !== `sluice:${secrets.partnersSecret}`) return send(response, 401, { error: "invalid_client" });
      return send(response, 200, { access_token: secrets.accessToken, token_type: "Bearer", expires_in: 3600 });
    }
    const [since, until] = [searchParams.get("since")!, searchParams.get("until")!].map((text) => Date.parse(text));
    const inside = (list: readonly Event[]): readonly Event[] =>
      list.filter(({ created_at: at }) => Date.parse(at) >= since! && Date.parse(at) < until!);
    if (pathname === "/v2/events") {
      if (request.headers.authorization !== `Bearer ${secrets.mobileToken}`) return send(response, 401, {});
      const [found, start] = [inside(events("mobile")), Number(searchParams.get("cursor") ?? 0)];
      const size = Math.min(20, Number(searchParams.get("limit")));
      const next = start + size < found.length ? String(start + size) : null;
      return send(response, 200, { data: found.slice(start, start + size), meta: { next_cursor: next } });
    }
    if (pathname !== "/events") return send(response, 404, {});
    if (!up) return send(response, 503, { error: "down for maintenance" }, { "retry-after": "0" });
    if (request.headers.authorization !== `Bearer ${secrets.accessToken}`) return send(response, 401, {});
    const [found, page] = [inside(events("partners")), Number(searchParams.get("page") ?? 1)];
    const rest = new URL(request.url!, url);
    rest.searchParams.set("page", String(page + 1));
    const link: Record<string, string> = page * 15 < found.length ? { link: `<${rest.href}>; rel="next"` } : {};
    return send(response, 200, found.slice((page - 1) * 15, page * 15), link);
  }

  const warehouse = new Client({ connectionString: warehouseUrl });
  await warehouse.connect();
  warehouse.on("error", () => {});
  return {
    env: {
      SHOP_URL: shopUrl,
      CRM_URL: mariadb.url,
      KIOSKS_FILE: join(folder, "kiosks.db"),
      MOBILE_URL: url,
      MOBILE_TOKEN: secrets.mobileToken,
      PARTNERS_URL: url,
      PARTNERS_TOKEN_URL: `${url}/oauth/token`,
      PARTNERS_CLIENT: "sluice",
      PARTNERS_SECRET: secrets.partnersSecret,
      WAREHOUSE_URL: warehouseUrl,
      ALERTS_URL: `${url}/alerts`,
      INPUT_FOLDER: join(folder, "input"),
      RETRY_DELAY: "50ms",
      SLUICE_HOME: join(folder, "home"),
    },
    alerts,
    warehouse,
    partnersUp: (value) => (up = value),
    close: async () => {
      await warehouse.end();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function createDatabase(url: string, name: string): Promise<string> {
  const admin = new Client({ connectionString: url });
  await admin.connect();
  await admin.query(`create database ${name}`);
  await admin.end();
  return url.replace(/\/postgres$/, `/${name}`);
}

async function fillShop(url: string, events: readonly Event[]): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(
    `create table user_events (${ddl}, created_at timestamptz, age int, email text, amount numeric(12,2))`,
  );
  await client.query(
    `insert into user_events select * from jsonb_to_recordset($1::jsonb)
       as e(user_id text, event_id text, event_type text, created_at timestamptz, age int, email text, amount numeric)`,
    [JSON.stringify(events)],
  );
  await client.end();
}

async function fillCrm(url: string, events: readonly Event[]): Promise<void> {
  const client = await mysql.createConnection(url);
  await client.query(
    `create table user_events (${ddl}, created_at datetime(6), age int, email varchar(200), amount decimal(12,2))`,
  );
  const rows = events.map((event) => [
    event.user_id,
    event.event_id,
    event.event_type,
    event.created_at.replace("T", " ").replace("Z", ""),
    event.age,
    event.email,
    event.amount,
  ]);
  await client.query("insert into user_events values ?", [rows]);
  await client.end();
}

function fillKiosks(path: string, events: readonly Event[]): void {
  const database = new DatabaseSync(path);
  database.exec(`create table user_events (${ddl}, created_at text, age integer, email text, amount real)`);
  const insert = database.prepare("insert into user_events values (?, ?, ?, ?, ?, ?, ?)");
  for (const { user_id, event_id, event_type, created_at, age, email, amount } of events)
    insert.run(user_id, event_id, event_type, created_at, age, email, amount);
  database.close();
}

/** Two files a day, with their columns in different orders. */
function fillFolder(folder: string, place: string, events: readonly Event[]): void {
  for (const [day, rows] of Map.groupBy(events, ({ created_at: at }) => dayOf(at))) {
    for (const half of [0, 1]) {
      const names = ["user_id", "event_id", "event_type", "created_at", "age", "email", "amount"] as (keyof Event)[];
      if (half === 1) names.reverse();
      const lines = rows
        .filter((_, index) => index % 2 === half)
        .map((event) => names.map((name) => String(event[name] ?? "")).join(","));
      const path = join(folder, "input", place, day, `part-${half}.csv`);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, [names.join(","), ...lines, ""].join("\n"));
    }
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk as string;
  return text;
}

function send(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
