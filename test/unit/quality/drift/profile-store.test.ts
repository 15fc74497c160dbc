import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openProfileStore } from "../../../../src/adapters/sqlite/profile-store.ts";
import { memoryProfileStore } from "../../../../src/quality/profile/memory-profile-store.ts";
import { testProfileStore } from "../../../conformance/profile-store.ts";

testProfileStore({ name: "memory", create: () => ({ store: memoryProfileStore(), dispose: () => {} }) });

testProfileStore({
  name: "SQLite",
  create: () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-profiles-"));
    return {
      store: openProfileStore(join(folder, "profiles.db")),
      dispose: () => rmSync(folder, { recursive: true, force: true }),
    };
  },
});
