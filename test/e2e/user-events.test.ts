// examples/user-events as its users run it: the built command, real databases, real requests. Each night's table must be what
// an independent count makes of the events, also when a place doesn't answer or everything is killed.
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mariadbMissing, startMariadb } from "../mariadb-server.ts";
import { postgresMissing, startPostgres } from "../postgres-server.ts";
import { killGroup, root, sluice, type RunJson } from "./command.ts";
import { dayOf, drawEvents, places, type Expected } from "./user-events/events.ts";
import { createWorld, secrets, type World } from "./user-events/world.ts";

const [postgres, mariadb] = [await startPostgres(), await startMariadb()];
const missing = [...(postgres === null ? [postgresMissing] : []), ...(mariadb === null ? [mariadbMissing] : [])];
for (const line of missing) console.warn(line);

const days = ["2026-01-30", "2026-01-31", "2026-02-01"];
const folder = join(root, "examples/user-events");

describe.skipIf(missing.length > 0)(`user events${missing.length > 0 ? ` (${missing.join("; ")})` : ""}`, () => {
  const drawn = drawEvents(7, days, 40);
  let world: World;
  const said: string[] = [];

  beforeAll(async () => {
    world = await createWorld(drawn, postgres!, mariadb!);
  });
  afterAll(async () => {
    await world?.close();
    await postgres?.stop();
    await mariadb?.stop();
  });

  async function run(args: readonly string[], onStart?: Parameters<typeof sluice>[1]["onStart"]) {
    const options = { cwd: folder, env: world.env, ...(onStart === undefined ? {} : { onStart }) };
    const result = await sluice(args, options);
    said.push(result.stdout, result.stderr);
    return result;
  }
  const night = (day: string, ...more: readonly string[]) =>
    run(["run", "user_events_daily", "--partition", day, "--json", ...more]);
  const stepOf = (text: string, name: string) =>
    (JSON.parse(text) as RunJson).steps.find((step) => step.name === name)!;

  async function table(day: string): Promise<readonly string[]> {
    const { rows } = await world.warehouse.query<{ key: string; date: string; at: Date }>(
      `select user_id || ' ' || event_id as key, event_date::text as date, created_at as at
         from staging.user_events_daily where _sluice_partition = $1`,
      [day],
    );
    for (const { date, at } of rows) expect([date, dayOf(at.toISOString())]).toEqual([day, day]);
    return rows.map(({ key }) => key).sort();
  }
  const counts = ({ in: all, loaded, duplicate, quarantined }: Expected) => ({
    in: all,
    out: loaded.length,
    duplicate,
    quarantined,
  });

  it("brings a day together from ten places, and says how its rows add up", { timeout: 180_000 }, async () => {
    const result = await night(days[0]!);
    expect(result.stderr + result.stdout).not.toContain("SLUICE_");
    expect(result.code).toBe(0);
    const expected = drawn.expected(days[0]!);
    expect(stepOf(result.stdout, "clean").rows).toEqual(counts(expected));
    expect(expected.quarantined).toBeGreaterThan(10);
    expect(expected.duplicate).toBeGreaterThan(3);
    expect(await table(days[0]!)).toEqual(expected.loaded);
  });

  it(
    "a place that doesn't answer keeps nothing of the others back, and comes with the next night",
    { timeout: 180_000 },
    async () => {
      world.partnersUp(false);
      const result = await night(days[1]!);
      expect(result.code).not.toBe(0);
      const others = places.filter((place) => place !== "partners");
      expect(stepOf(result.stdout, "partners")).toMatchObject({
        status: "failed",
        error: { code: "SOURCE_UNAVAILABLE" },
      });
      expect(await table(days[1]!)).toEqual(drawn.expected(days[1]!, others).loaded);
      expect(world.alerts).toMatchObject([{ event: "failure", pipeline: "user_events_daily", partition: days[1] }]);

      world.partnersUp(true);
      const again = await night(days[1]!);
      expect(again.code).toBe(0);
      expect(await table(days[1]!)).toEqual(drawn.expected(days[1]!).loaded);
      expect(world.alerts).toHaveLength(1);
    },
  );

  it("a night that is killed, again and again, ends as it would have", { timeout: 240_000 }, async () => {
    for (const after of [400, 900, 1500, 2200]) {
      await run(
        ["run", "user_events_daily", "--partition", days[2]!],
        (child) => void sleep(after).then(() => killGroup(child)),
      );
    }
    const result = await night(days[2]!);
    expect(result.code).toBe(0);
    expect(await table(days[2]!)).toEqual(drawn.expected(days[2]!).loaded);
    for (const day of days) expect(await table(day)).toEqual(drawn.expected(day).loaded);
  });

  it("too few rows close the gate, and the minimum is the run's own", { timeout: 180_000 }, async () => {
    const result = await night(days[0]!, "--param", "minRows=100000");
    expect(result.code).not.toBe(0);
    expect(stepOf(result.stdout, "enough").error).toMatchObject({ code: "GATE_CLOSED" });
  });

  it("no secret has been said", () => {
    const text = said.join("\n") + JSON.stringify(world.alerts);
    expect(text.length).toBeGreaterThan(1000);
    for (const secret of [...Object.values(secrets), "p:w/d", encodeURIComponent("p:w/d")])
      expect(text).not.toContain(secret);
  });
});
