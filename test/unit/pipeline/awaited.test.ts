import { describe, expect, it } from "vitest";
import { checkAwaited } from "../../../src/pipeline/awaited.ts";
import { dynamicPartitions, staticPartitions } from "../../../src/pipeline/partition-key.ts";
import type { Partitions } from "../../../src/pipeline/partition.ts";
import { pipeline, type Pipeline } from "../../../src/pipeline/pipeline.ts";
import { daily, monthly } from "../../../src/pipeline/time-partitions.ts";
import { waitFor, type WaitForOptions } from "../../../src/pipeline/wait-for.ts";
import { invalid, noop } from "./dsl.ts";

const days = daily({ from: "2026-01-01" });
const raw = (partitions?: Partitions): Pipeline =>
  pipeline("raw", partitions === undefined ? {} : { partitions }, ({ step }) => void step("loaded", noop));
const report = (options: WaitForOptions = {}, partitions?: Partitions, name = "raw"): Pipeline =>
  pipeline(
    "report",
    partitions === undefined ? {} : { partitions },
    ({ step }) => void step("wait", waitFor(name, options)),
  );

describe("what a step waits for", () => {
  it("is there, and cut in a way that says which part is meant", () => {
    checkAwaited([report({ step: "loaded" }), raw()]);
    checkAwaited([raw(days), report({ offset: -1 }, monthly({ from: "2025-01" }))]);
    checkAwaited([raw(days), report()]);
    checkAwaited([raw(staticPartitions(["eu"])), report({}, dynamicPartitions("regions"))]);
  });

  it.each<[string, Pipeline[], RegExp]>([
    ["a pipeline that isn't there", [report()], /waits for the pipeline "raw", which there is not/],
    ["itself", [report({}, undefined, "report")], /waits for its own pipeline/],
    [
      "a step that isn't there",
      [report({ step: "load" }), raw()],
      /the step "load", which the pipeline "raw" does not have/,
    ],
    ["the one before where there is none", [report({ offset: -1 }), raw()], /there are no partitions to count by/],
    [
      "the name before",
      [report({ offset: -1 }, staticPartitions(["eu"])), raw(staticPartitions(["eu"]))],
      /no partition before/,
    ],
    ["a day, of names", [report({}, days), raw(staticPartitions(["eu"]))], /can't wait for "raw": .*say nothing of/],
  ])("is refused in one line that says where: %s", (_what, pipelines, message) => {
    expect(() => checkAwaited(pipelines)).toThrow(invalid(message));
    expect(() => checkAwaited(pipelines)).toThrow(/^Step "wait" of pipeline "report" .*$/);
  });
});
