// Every night at two: one day of user events from ten places, brought together, judged, and loaded by partition. A place that
// doesn't answer keeps nothing of the others back, and its events come with the next night.
import { daily, extract, load, pipeline, sql, task, transform, union } from "sluice";
import { csv, cursor, linkHeader } from "sluice/connect";
import { gate, validate } from "sluice/quality";
import { z } from "zod";
import { userEvent } from "../contracts/user-event.ts";
import { crm, inputFolder, kiosks, mobile, partners, retryDelay, shop, timeZone, warehouse } from "../sluice.config.ts";

const columns = {
  user_id: "user_id",
  event_id: "event_id",
  event_type: "event_type",
  created_at: "created_at",
  age: "age",
  email: "email",
  amount: "amount",
} as const;

export default pipeline(
  "user_events_daily",
  {
    schedule: { cron: "0 2 * * *", timeZone, retryFailed: 7 },
    partitions: daily({ from: "2026-01-01", timeZone }),
    params: z.object({ minRows: z.int().min(0).default(1) }),
    retry: { limit: 3, delay: retryDelay, backoff: "exponential" },
    timeout: "1h",
  },
  ({ step, partition, params }) => {
    const { start, end, key } = partition;
    const databases = {
      shop: step(
        "shop",
        extract(
          shop.query(sql`select user_id, event_id, event_type, created_at, age, email, amount
            from user_events where created_at >= ${start} and created_at < ${end}`),
        ),
      ),
      crm: step(
        "crm",
        extract(
          crm.query(sql`select user_id, event_id, event_type, concat(date_format(created_at, '%Y-%m-%dT%T.%f'), 'Z') as created_at,
            age, email, amount from user_events
            where created_at >= ${start.replace("Z", "")} and created_at < ${end.replace("Z", "")}`),
        ),
      ),
      kiosks: step(
        "kiosks",
        extract(
          kiosks.query(sql`select user_id, event_id, event_type, created_at, age, email, amount
            from user_events where datetime(created_at) >= datetime(${start}) and datetime(created_at) < datetime(${end})`),
        ),
      ),
    };
    const apis = {
      mobile: step(
        "mobile",
        extract(
          mobile.get("/v2/events", {
            query: { since: start, until: end, limit: 200 },
            records: "data",
            pages: cursor("meta.next_cursor", "cursor"),
            columns: optional(columns),
          }),
        ),
      ),
      partners: step(
        "partners",
        extract(
          partners.get("/events", {
            query: { since: start, until: end, per_page: 100 },
            pages: linkHeader(),
            columns: optional(columns),
          }),
        ),
      ),
    };
    const folder = (name: string) =>
      step(name, extract(csv(`${inputFolder}/${name}/${key}/*.csv`, { columns, whenMissing: "empty" })));
    const files = {
      web: folder("web"),
      ios: folder("ios"),
      android: folder("android"),
      stores: folder("stores"),
      email: folder("email"),
    };

    const sources = { ...databases, ...apis, ...files };
    const events = step("events", union(sources, { source: "source" }), { trigger: "all-done-min-one-succeeded" });
    const clean = step("clean", validate(events, userEvent));
    const dated = step(
      "dated",
      transform({ clean }, sql`select *, cast(timezone(${timeZone}, created_at) as date) as event_date from clean`),
    );
    const loaded = step(
      "loaded",
      load(dated, warehouse.table("staging.user_events_daily"), { write: "replace-partition" }),
    );
    step("enough", gate(loaded, { loadedRatio: 0.95, minRows: params.minRows }));
    // The night has failed when one of the ten has, whatever became of the rest.
    step(
      "complete",
      task(() => {}),
      { after: Object.values(sources) },
    );
  },
);

/** Not every event has every field: what a record lacks is null, also when all of them lack it. */
function optional(names: typeof columns): Record<keyof typeof columns, { from: string; optional: true }> {
  return Object.fromEntries(Object.entries(names).map(([name, from]) => [name, { from, optional: true }])) as Record<
    keyof typeof columns,
    { from: string; optional: true }
  >;
}
