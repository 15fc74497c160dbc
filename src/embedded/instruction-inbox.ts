// How a scheduler learns that another process wants something: whoever adds an instruction to the state touches a file,
// which is watched. Where watching fails, asking the state once a second finds it, too.
import { watch, writeFileSync, type FSWatcher } from "node:fs";
import { join } from "node:path";
import type { EngineStore } from "../engine/stores/engine-store.ts";
import type { Home } from "./home.ts";

/** Milliseconds between two looks at the state. */
const lookEvery = 1_000;

/** Calls back whenever another process may have written to the state. */
export function watchInbox(
  home: Home,
  store: Pick<EngineStore, "changedByOthers">,
  onKnock: () => void,
): { close(): void } {
  // What is asked once the watch stands is heard; what was asked before, the scheduler finds when it begins.
  knock(home);
  let watcher: FSWatcher | null = null;
  try {
    watcher = watch(doorOf(home), onKnock);
    watcher.on("error", () => {});
  } catch {
    // A system that is out of watches, or has none.
  }
  store.changedByOthers();
  const looking = setInterval(() => {
    if (store.changedByOthers()) onKnock();
  }, lookEvery);
  return {
    close: () => {
      watcher?.close();
      clearInterval(looking);
    },
  };
}

/** Tells the scheduler that something was written for it. */
export function knock(home: Home): void {
  writeFileSync(doorOf(home), `${process.pid}\n`);
}

function doorOf(home: Home): string {
  return join(home.folder, "wake");
}
