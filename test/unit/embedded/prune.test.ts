import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deleteArtifact, oldArtifacts } from "../../../src/adapters/file-system/artifact-retention.ts";
import { openArtifactStore } from "../../../src/adapters/file-system/artifact-store.ts";
import { openEngineStore } from "../../../src/adapters/sqlite/engine-store.ts";
import type { ArtifactStore } from "../../../src/dataset/artifact-store.ts";
import { homeAt, type Home } from "../../../src/embedded/home.ts";
import { pruneRuns } from "../../../src/embedded/prune.ts";
import type { EngineStore } from "../../../src/engine/stores/engine-store.ts";
import type { RunState } from "../../../src/engine/state-machine/state.ts";
import { batch, changesBetween, newRun, planNamed } from "../../conformance/run-states.ts";

const hour = 3_600_000;
const plan = planNamed("sales");

describe("pruning artifacts", () => {
  let home: Home;
  let store: EngineStore;
  let artifacts: ArtifactStore;
  beforeEach(async () => {
    home = homeAt(mkdtempSync(join(tmpdir(), "sluice-prune-")));
    store = openEngineStore(home.state);
    artifacts = openArtifactStore({ artifacts: home.artifacts, temporary: home.temporary });
    await store.savePlan(plan, 1);
  });
  afterEach(() => {
    store.close();
    rmSync(home.folder, { recursive: true, force: true });
  });

  /** A dataset of one file, as the output of a step has it. */
  async function dataset(content: string): Promise<{ readonly files: readonly string[]; readonly rows: number }> {
    const path = artifacts.temporary(".parquet");
    writeFileSync(path, content);
    return { files: [(await artifacts.keep(path)).path], rows: 1 };
  }

  function age(path: string, milliseconds: number): void {
    const at = new Date(Date.now() - milliseconds);
    utimesSync(path, at, at);
  }

  function everything(): string[] {
    return readdirSync(home.artifacts, { recursive: true, encoding: "utf8" })
      .filter((name) => name.includes("."))
      .map((name) => join(home.artifacts, name));
  }

  /** A run with an output; it has ended so many hours ago, or not at all. */
  async function run(id: string, output: unknown, endedHoursAgo: number | null): Promise<void> {
    const [made] = await store.createRuns([newRun(plan, id)]);
    const finishedAt = endedHoursAgo === null ? null : Date.now() - endedHoursAgo * hour;
    const state: RunState = {
      ...made!.state,
      ...(finishedAt === null ? {} : { status: "succeeded", finishedAt }),
      steps: made!.state.steps.with("alpha", { ...made!.state.steps.get("alpha")!, status: "succeeded", output }),
    };
    const changed = changesBetween(made!.state, state);
    await store.commit(batch({ updates: [{ runId: id, expectedRevision: 0, state, changed }] }));
  }

  const prune = () => pruneRuns(home, Date.now() - 48 * hour, 1);

  it("deletes what only deleted runs have named, and nothing that any other still names", async () => {
    const shared = await dataset("of two runs");
    const gone = await dataset("of an old run");
    const inner = await dataset("named by an output too big for the state");
    const big = await artifacts.keepJson(JSON.stringify({ list: [inner] }));
    const cached = await dataset("of a result that is worth keeping");
    const lost = await dataset("of an attempt that nobody has heard of");
    await run("old", { gone, shared }, 100);
    await run("new", { shared }, 1);
    await run("open", { $artifact: big.hash, bytes: big.bytes, length: 1 }, null);
    const result = { key: "key", runId: "new", output: cached, rows: null, assets: [], at: Date.now() };
    await store.commit(batch({ cached: [result] }));
    for (const path of everything()) age(path, 60 * hour);
    const bytes = "of an old run".length + "of an attempt that nobody has heard of".length;
    expect(await prune()).toEqual({ runs: 1, artifacts: 2, bytes });
    expect([gone, lost].map(({ files }) => existsSync(files[0]!))).toEqual([false, false]);
    expect([shared, inner, cached].map(({ files }) => existsSync(files[0]!))).toEqual([true, true, true]);
    expect(JSON.parse(await artifacts.json(big.hash))).toEqual({ list: [inner] });
    expect(await prune()).toEqual({ runs: 0, artifacts: 0, bytes: 0 });
  });

  it("leaves what attempts under way have kept, and what is younger than the runs that are deleted", async () => {
    await run("long", null, null);
    await store.commit(
      batch({ live: [{ runId: "long", step: "zeta", item: null, attempt: 1, startedAt: Date.now() - 70 * hour }] }),
    );
    const early = await dataset("kept by an attempt that goes on");
    age(early.files[0]!, 69 * hour);
    const before = await dataset("older than that attempt");
    age(before.files[0]!, 90 * hour);
    const young = await dataset("young");
    age(young.files[0]!, 47 * hour);
    expect(await prune()).toMatchObject({ artifacts: 1 });
    expect([early, before, young].map(({ files }) => existsSync(files[0]!))).toEqual([true, false, true]);
  });

  it("counts content as young that was kept again, also while it is being deleted", async () => {
    const again = await dataset("the same");
    const path = again.files[0]!;
    const limit = Date.now() - 48 * hour;
    age(path, 60 * hour);
    const [found] = oldArtifacts(home.artifacts, limit);
    expect(found).toEqual({ hash: createHash("sha256").update("the same").digest("hex"), path });
    expect(await dataset("the same")).toEqual(again);
    expect(deleteArtifact(found!, limit)).toBeNull();
    expect(everything()).toEqual([path]);
    expect([...oldArtifacts(home.artifacts, limit)]).toEqual([]);
    age(path, 60 * hour);
    expect(deleteArtifact(found!, limit)).toBe("the same".length);
    expect(deleteArtifact(found!, limit)).toBeNull();
  });

  it("finds again what a process had set aside when it died", async () => {
    const { files } = await dataset("set aside");
    age(files[0]!, 60 * hour);
    renameSync(files[0]!, `${files[0]!}.leaving`);
    expect([...oldArtifacts(home.artifacts, Date.now())].map(({ path }) => path)).toEqual(files);
    expect(existsSync(files[0]!)).toBe(true);
  });

  it("makes nothing where there is nothing", async () => {
    const none = homeAt(join(home.folder, "none"));
    expect(await pruneRuns(none, Date.now(), 1)).toEqual({ runs: 0, artifacts: 0, bytes: 0 });
    expect(existsSync(none.folder)).toBe(false);
  });
});
