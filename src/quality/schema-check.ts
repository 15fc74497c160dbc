// Reads one Zod check into a condition with an exact twin in SQL, or says that only the validator can judge it.
import type { z } from "zod";
import type { ExactPattern } from "./pattern.ts";
import { patternChecks } from "./pattern-checks.ts";
import type { FieldKind } from "./schema.ts";
import { zoneOf } from "./timestamp.ts";

/** A condition on a decoded value that SQL judges as the validator does. Lengths are in code points unless they say otherwise. */
export type FieldCheck =
  | { readonly op: "pattern"; readonly pattern: ExactPattern; readonly negated?: true }
  | { readonly op: "minLength" | "maxLength"; readonly limit: number; readonly unit?: "utf16" }
  | { readonly op: "minimum" | "maximum"; readonly limit: number; readonly inclusive: boolean }
  | { readonly op: "multipleOf"; readonly step: number }
  /** A whole number that a JS number holds exactly. */
  | { readonly op: "whole" }
  | { readonly op: "startsWith" | "endsWith" | "contains"; readonly text: string }
  | { readonly op: "isIn"; readonly values: readonly (string | number | boolean)[] };

/** What is known of a value so far. */
export interface CheckDraft {
  kind: FieldKind;
  timeZone: string | null;
  readonly checks: FieldCheck[];
  /** What only the validator can judge. */
  readonly residual: string[];
}

type CheckDef = z.core.$ZodCheckDef & Readonly<Record<string, unknown>>;

// Formats whose whole verdict is their pattern. Others (url, ipv6, base64, jwt …) do more than that in JS.
const patternFormats = new Set(
  "regex lowercase uppercase email guid uuid nanoid cuid cuid2 ulid xid ksuid datetime date time duration ipv4 e164".split(
    " ",
  ),
);

/** Adds what `check` demands to the draft of its field. */
export function readCheck(
  draft: CheckDraft,
  check: z.core.$ZodCheck,
  fail: (what: string, hint: string) => never,
): void {
  const zone = zoneOf(check);
  if (zone !== undefined) {
    draft.kind = "time";
    draft.timeZone = zone;
    return;
  }
  const def = check._zod.def as CheckDef;
  switch (def.check) {
    case "number_format":
      readNumberFormat(draft, String(def["format"]));
      return;
    case "greater_than":
    case "less_than":
      readLimit(draft, def);
      return;
    case "multiple_of":
      if (draft.kind === "integer" && Number.isSafeInteger(def["value"]) && def["value"] !== 0) {
        draft.checks.push({ op: "multipleOf", step: def["value"] as number });
      } else draft.residual.push("a multiple of a fraction");
      return;
    case "min_length":
    case "max_length":
    case "length_equals":
      readLength(draft, check, def);
      return;
    case "string_format":
      readFormat(draft, def);
      return;
    case "overwrite":
      fail(
        "changes its value (trim, toLowerCase or another overwrite)",
        "Change values in a transform step before the contract.",
      );
      return;
    case "custom":
      draft.residual.push("a refinement");
      return;
    default:
      draft.residual.push(`the check "${def.check}"`);
  }
}

function readLength(draft: CheckDraft, check: z.core.$ZodCheck, def: CheckDef): void {
  const limit = (def["minimum"] ?? def["maximum"] ?? def["length"]) as number;
  if (draft.kind === "json" || !countsCodePoints(check, def.check, limit)) {
    draft.residual.push("a length that is not in code points");
    return;
  }
  if (def.check !== "max_length") draft.checks.push({ op: "minLength", limit });
  if (def.check !== "min_length") draft.checks.push({ op: "maxLength", limit });
}

/** Zod has counted UTF-16 units, and code points since 4.6: a text of characters that have two units each tells. */
function countsCodePoints(check: z.core.$ZodCheck, name: string, limit: number): boolean {
  if (!Number.isSafeInteger(limit) || limit < 0 || limit > longestProbe) return false;
  // A minimum of 0 or 1 is the same in both ways of counting.
  const characters = name === "min_length" ? limit - 1 : limit;
  if (characters <= 0) return true;
  const payload: z.core.ParsePayload = { value: "\u{1F600}".repeat(characters), issues: [] };
  void check._zod.check(payload as never);
  return payload.issues.length === (name === "min_length" ? 1 : 0);
}

const longestProbe = 100_000;

function readNumberFormat(draft: CheckDraft, format: string): void {
  if (format === "float64") return;
  if (format === "safeint") draft.kind = "integer";
  else if (format === "int32" || format === "uint32") {
    draft.kind = "integer";
    const [low, high] = format === "int32" ? [-2147483648, 2147483647] : [0, 4294967295];
    draft.checks.push({ op: "minimum", limit: low, inclusive: true }, { op: "maximum", limit: high, inclusive: true });
  } else draft.residual.push(`the number format "${format}"`);
}

function readLimit(draft: CheckDraft, def: CheckDef): void {
  const limit = def["value"];
  if (typeof limit !== "number" || Number.isNaN(limit)) {
    draft.residual.push("a limit that is not a number");
    return;
  }
  draft.checks.push({
    op: def.check === "greater_than" ? "minimum" : "maximum",
    limit,
    inclusive: def["inclusive"] === true,
  });
}

function readFormat(draft: CheckDraft, def: CheckDef): void {
  const format = String(def["format"]);
  const text = def["prefix"] ?? def["suffix"] ?? def["includes"];
  if (format === "starts_with" || format === "ends_with" || format === "includes") {
    const op = format === "starts_with" ? "startsWith" : format === "ends_with" ? "endsWith" : "contains";
    // Half a character can't be written in UTF-8, and a NUL not in a query.
    const isPlain =
      typeof text === "string" && text.isWellFormed() && !text.includes("\0") && (def["position"] ?? 0) === 0;
    if (isPlain) draft.checks.push({ op, text });
    else draft.residual.push(`"${format}" at a position or with a stray character`);
    return;
  }
  const pattern = def["pattern"];
  const exact =
    patternFormats.has(format) && def["fn"] === undefined && pattern instanceof RegExp ? patternChecks(pattern) : null;
  if (exact === null)
    draft.residual.push(`the format "${format}"${pattern instanceof RegExp ? ` ${String(pattern)}` : ""}`);
  else draft.checks.push(...exact);
}
