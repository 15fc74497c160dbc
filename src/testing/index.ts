// The entry `sluice/testing`: running a pipeline against fixtures in a test, with the faults that one wants to be sure of.
export { delay, fail, freeze, kill, type FaultPlan } from "./faults.ts";
export { testPipeline, type TestPipelineOptions } from "./test-pipeline.ts";
export type { Decision } from "./attendant.ts";
export type { TestedAttempt, TestedLogLine, TestedRun, TestedStep } from "./tested-run.ts";
export { judgeRows, type JudgeRowsOptions, type RowAtHand } from "./judge-rows.ts";
