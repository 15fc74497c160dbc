import { createMemoryEngineStore } from "../../../src/engine/stores/memory-engine-store.ts";
import { testEngineStore } from "../../conformance/engine-store.ts";

testEngineStore({
  name: "memory",
  survives: false,
  create: async () => ({ store: createMemoryEngineStore(), dispose: async () => {} }),
});
