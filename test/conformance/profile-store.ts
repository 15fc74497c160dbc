// What every store of profiles promises; each implementation runs these cases.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ProfileEntry, ProfileStore } from "../../src/quality/profile/profile-store.ts";

export interface ProfileStoreCase {
  readonly name: string;
  /** An empty store, and what to do with it afterwards. */
  readonly create: () => { readonly store: ProfileStore; readonly dispose: () => void };
}

function entry(runId: string, fence: number, more: Partial<ProfileEntry> = {}): ProfileEntry {
  return {
    pipeline: "shop",
    step: "watched",
    partition: null,
    series: "",
    start: null,
    runId,
    fence,
    at: fence * 1000,
    profile: { kind: "sluice.profile", format: 1, rows: fence, columns: [] },
    report: { verdict: "stable", note: "it's “quoted” 😀" },
    accepted: true,
    ...more,
  };
}

function day(date: string, fence: number, more: Partial<ProfileEntry> = {}): ProfileEntry {
  return entry(`${date}-${fence}`, fence, { partition: date, start: `${date}T00:00:00.000Z`, ...more });
}

export function testProfileStore({ name, create }: ProfileStoreCase): void {
  describe(`profiles: ${name}`, () => {
    let store: ProfileStore;
    let dispose: () => void;
    beforeEach(() => {
      ({ store, dispose } = create());
    });
    afterEach(() => {
      store.close();
      dispose();
    });
    const earlier = async (key: ProfileEntry, limit = 10): Promise<string[]> =>
      (await store.earlier(key, limit)).map(({ runId }) => runId);

    it("gives back an entry as it was", async () => {
      const kept = day("2026-01-01", 1);
      await store.record(kept);
      expect(await store.ofRun(kept.runId)).toEqual([kept]);
      expect(await store.ofRun("none")).toEqual([]);
    });

    it("keeps one entry per run and step: the last", async () => {
      await store.record(entry("a", 1));
      await store.record(entry("a", 1, { report: "second" }));
      await store.record(entry("a", 1, { step: "other" }));
      expect((await store.ofRun("a")).map(({ step, report }) => [step, report])).toEqual([
        ["other", { verdict: "stable", note: "it's “quoted” 😀" }],
        ["watched", "second"],
      ]);
    });

    it("compares with earlier runs, the newest first, and never with what was refused", async () => {
      for (const fence of [1, 2, 3, 4]) await store.record(entry(`run-${fence}`, fence, { accepted: fence !== 2 }));
      await store.record(entry("elsewhere", 2, { pipeline: "other" }));
      await store.record(entry("beside", 2, { step: "other" }));
      await store.record(entry("partition", 2, { partition: "eu" }));
      expect(await earlier(entry("now", 4))).toEqual(["run-3", "run-1"]);
      expect(await earlier(entry("now", 4), 1)).toEqual(["run-3"]);
      expect(await earlier(entry("now", 9, { partition: "eu" }))).toEqual(["partition"]);
    });

    it("compares a slice of time with the slices before it, each as its newest run left it, whenever that was", async () => {
      await store.record(day("2026-01-03", 3));
      await store.record(day("2026-01-01", 9));
      await store.record(day("2026-01-01", 1));
      await store.record(day("2026-01-02", 8, { accepted: false }));
      await store.record(day("2026-01-02", 2));
      await store.record(day("2026-01-04", 4));
      expect(await earlier(day("2026-01-04", 5))).toEqual(["2026-01-03-3", "2026-01-02-2", "2026-01-01-9"]);
      expect(await earlier(day("2026-01-03", 1), 1)).toEqual(["2026-01-02-2"]);
    });

    it("compares a slice of time with those of its own series only", async () => {
      const [eu, us] = ['{"region":"eu"}', '{"region":"us"}'];
      for (const [region, series, first] of [
        ["eu", eu, 1],
        ["us", us, 5],
      ] as const) {
        for (const date of [1, 2]) {
          const more = { runId: `${region}-${date}`, partition: `2026-01-0${date}|${region}`, series };
          await store.record(day(`2026-01-0${date}`, first + date, more));
        }
      }
      expect(await earlier(day("2026-01-03", 3, { series: eu }))).toEqual(["eu-2", "eu-1"]);
      expect(await earlier(day("2026-01-03", 9, { series: us }), 1)).toEqual(["us-2"]);
      expect(await earlier(day("2026-01-03", 9))).toEqual([]);
    });

    it("prunes what is old, and leaves the newest of each step", async () => {
      for (const fence of [1, 2, 3]) await store.record(entry(`run-${fence}`, fence));
      await store.record(entry("other", 1, { step: "other" }));
      expect(await store.prune(2500, 1)).toBe(2);
      expect(await earlier(entry("now", 9))).toEqual(["run-3"]);
      expect(await store.ofRun("other")).toHaveLength(1);
      expect(await store.prune(9999, 1)).toBe(0);
    });
  });
}
