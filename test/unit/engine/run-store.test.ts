import { createMemoryRunStore } from "../../../src/engine/memory-run-store.ts";
import { testRunStore } from "../../conformance/run-store.ts";

testRunStore({
  name: "memory",
  survives: false,
  create: async () => ({ store: createMemoryRunStore(), dispose: async () => {} }),
});
