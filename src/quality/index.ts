// The public entry `sluice/quality`: what users write contracts and gates with.
export { contract, type Contract, type ContractOptions, type RowOf, type Verdict } from "./contract.ts";
export { col, rule, type Literal, type Operand, type Rule, type Term } from "./expression.ts";
export { gate, type GateOptions, type GateReport } from "./gate.ts";
export type { Issue } from "./issue.ts";
export { timestamp, type TimestampOptions } from "./timestamp.ts";
export { validate, type ValidateOptions } from "./validate.ts";
