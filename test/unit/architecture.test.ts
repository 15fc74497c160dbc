// The architecture, as a table that is held against the code. Who wants to know which room may know which reads it here.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

/**
 * What each room may import beside its own files.
 *
 * - A plain name: types and values.
 * - `types of X`: only with `import type`.
 * - `ports`: types from any file of any room; values only from a port file, which may export pure ones (a limit, a name).
 *
 * "root" is the files that lie in src/ itself and know nothing but one another; "index" is the package's main entry.
 */
const MAY_IMPORT = {
  root: [],
  pipeline: ["root"],
  dataset: ["root", "pipeline"],
  connect: ["root", "pipeline", "dataset"],
  quality: ["root", "pipeline", "dataset"],
  features: ["root", "pipeline", "dataset"],
  retrieval: ["root", "pipeline", "dataset"],
  engine: ["root", "pipeline"],
  monitor: ["root", "pipeline", "types of engine"],
  adapters: ["root", "dataset", "ports"],
  http: ["root", "pipeline", "dataset", "connect", "quality", "features", "retrieval", "engine", "monitor", "embedded"],
  cli: ["root", "pipeline", "dataset", "connect", "quality", "features", "retrieval", "engine", "monitor", "embedded"],
  embedded: [
    "root",
    "pipeline",
    "dataset",
    "connect",
    "quality",
    "features",
    "retrieval",
    "engine",
    "monitor",
    "adapters",
    "http",
  ],
  testing: ["root", "pipeline", "dataset", "engine", "quality", "embedded"],
  index: ["root", "pipeline", "dataset", "connect", "quality", "features", "retrieval", "engine", "monitor"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** The files that say what an adapter is for. */
const PORTS = [
  "connect/source.ts",
  "connect/sink.ts",
  "connect/position.ts",
  "connect/write-disposition.ts",
  "dataset/artifact-store.ts",
  "engine/stores/run-store.ts",
  "engine/attempts/executor.ts",
  "features/online-store.ts",
  "quality/quarantine-store.ts",
  "quality/expectations/measurement-store.ts",
  "quality/profile/profile-store.ts",
  "retrieval/embedder.ts",
  "retrieval/vector-store.ts",
  "monitor/notifier.ts",
];

/** Rooms without I/O of their own: no module of Node's, and of packages only those that are arithmetic. */
const PURE: ReadonlyMap<string, readonly string[]> = new Map([
  ["pipeline", ["croner"]],
  ["engine", []],
]);

interface SourceFile {
  /** Relative to src/, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

interface Import {
  readonly target: string;
  readonly typesOnly: boolean;
}

const statement = /^\s*(?:import|export)\s+(type\s+)?(?:[\w*{][^;"']*?\sfrom\s+)?["']([^"']+)["']/gm;
const dynamic = /\bimport\(\s*["']([^"']+)["']\s*\)/g;

function importsOf({ text }: SourceFile): Import[] {
  return [
    ...[...text.matchAll(statement)].map((match) => ({ target: match[2]!, typesOnly: match[1] !== undefined })),
    ...[...text.matchAll(dynamic)].map((match) => ({
      target: match[1]!,
      typesOnly: /(?::|typeof|<|\|)\s*$/.test(text.slice(0, match.index)),
    })),
  ];
}

function roomOf(path: string): string {
  if (path === "index.ts") return "index";
  return path.includes("/") ? path.split("/", 1)[0]! : "root";
}

function violationsOf(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => [...badImports(file), ...badText(file)]);
}

function badImports(file: SourceFile): string[] {
  const room = roomOf(file.path);
  if (!(room in MAY_IMPORT)) return [`${file.path}: the room "${room}" is not in the table`];
  const allowed: readonly string[] = MAY_IMPORT[room as keyof typeof MAY_IMPORT];
  return importsOf(file).flatMap(({ target, typesOnly }) => {
    if (!target.startsWith(".")) {
      const pure = PURE.get(room);
      return pure === undefined || pure.includes(target)
        ? []
        : [`${file.path}: ${room} is pure, and imports ${target}`];
    }
    const path = normalize(join(dirname(file.path), target)).replaceAll("\\", "/");
    if (path.startsWith("../")) return [`${file.path}: ${target} is outside src/`];
    const other = roomOf(path);
    if (other === room || allowed.includes(other)) return [];
    if (typesOnly && (allowed.includes(`types of ${other}`) || allowed.includes("ports"))) return [];
    if (allowed.includes("ports") && PORTS.includes(path)) return [];
    return [`${file.path}: ${room} may not import ${typesOnly ? "types" : "values"} of ${other} (${target})`];
  });
}

function badText({ path, text }: SourceFile): string[] {
  const rules: [boolean, string][] = [
    [
      path !== "config.ts" && /process\s*\.\s*env\b|process\[["']env["']\]/.test(text),
      "only config.ts reads the environment",
    ],
    [/^export\s+default\b|\bas\s+default\b/m.test(text), "has a default export"],
    [roomOf(path) !== "cli" && /\bconsole\s*\.\s*\w+\s*\(/.test(text), "only the command writes to the console"],
    [text.split("\n").length > 501, `has ${text.split("\n").length - 1} lines; 500 are the most`],
    [!/^(?:#!.*\n)?(?:\/\/|\/\*)/.test(text), "doesn't open with what it promises"],
  ];
  return rules.flatMap(([broken, rule]) => (broken ? [`${path}: ${rule}`] : []));
}

const root = fileURLToPath(new URL("../../src", import.meta.url));
const sources: SourceFile[] = readdirSync(root, { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".ts"))
  .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));

describe("the architecture", () => {
  it("is what the table says", () => {
    expect(sources.length).toBeGreaterThan(40);
    expect(violationsOf(sources)).toEqual([]);
  });

  it("has every import that the code has seen by the check", () => {
    // A statement that the pattern does not understand would be one that nobody checks.
    const missed = sources.flatMap((file) => {
      const words = [
        ...file.text.matchAll(/^(?:import\b(?!\()|export\b[^;=(]*?\bfrom\b|\} from\b)[^;]*?["'](\.[^"']+)["'];/gm),
      ].map((match) => match[1]!);
      const seen = new Set(importsOf(file).map(({ target }) => target));
      return words.filter((target) => !seen.has(target)).map((target) => `${file.path}: ${target}`);
    });
    expect(missed).toEqual([]);
  });

  it("lists ports that exist, or rooms that are still to get them", () => {
    const later = new Set(["monitor/notifier.ts", "retrieval/embedder.ts"]);
    const paths = new Set(sources.map(({ path }) => path));
    expect(PORTS.filter((path) => !paths.has(path) && !later.has(path))).toEqual([]);
  });
});

describe("the check of the architecture", () => {
  const file = (path: string, text: string): SourceFile[] => [{ path, text: `// What it promises.\n${text}\n` }];

  it.each([
    [
      "quality/contract.ts",
      'import { extract } from "../connect/extract.ts";',
      "quality may not import values of connect",
    ],
    [
      "quality/contract.ts",
      'import type { Source } from "../connect/source.ts";',
      "quality may not import types of connect",
    ],
    [
      "pipeline/plan.ts",
      'import type { Dataset } from "../dataset/dataset.ts";',
      "pipeline may not import types of dataset",
    ],
    ["pipeline/plan.ts", 'import { readFileSync } from "node:fs";', "pipeline is pure"],
    [
      "engine/scheduler.ts",
      'import {\n  a,\n  b,\n} from "../adapters/sqlite/run-store.ts";',
      "engine may not import values of adapters",
    ],
    ["engine/scheduler.ts", 'import pg from "pg";', "engine is pure"],
    ["engine/scheduler.ts", 'export * from "../dataset/sql.ts";', "engine may not import values of dataset"],
    [
      "engine/scheduler.ts",
      'const late = await import("../adapters/sqlite/run-store.ts");',
      "engine may not import values of adapters",
    ],
    ["monitor/metrics.ts", 'import { isEnd } from "../engine/state.ts";', "monitor may not import values of engine"],
    ["errors.ts", 'import { pipeline } from "./pipeline/pipeline.ts";', "root may not import values of pipeline"],
    ["errors.ts", 'import { x } from "./index.ts";', "root may not import values of index"],
    [
      "adapters/postgres/sink.ts",
      'import { load } from "../../connect/load.ts";',
      "adapters may not import values of connect",
    ],
    [
      "adapters/postgres/sink.ts",
      'import { openEngine } from "../../embedded/engine.ts";',
      "adapters may not import values of embedded",
    ],
    [
      "http/app.ts",
      'import { openRunStore } from "../adapters/sqlite/run-store.ts";',
      "http may not import values of adapters",
    ],
    ["http/app.ts", 'import type { Output } from "../cli/output.ts";', "http may not import types of cli"],
    ["cli/main.ts", 'import "../http/app.ts";', "cli may not import values of http"],
    ["index.ts", 'export { openEngine } from "./embedded/engine.ts";', "index may not import values of embedded"],
    ["utils/text.ts", "", 'the room "utils" is not in the table'],
    ["engine/x.ts", 'import { t } from "../../test/x.ts";', "is outside src/"],
    ["engine/x.ts", 'const home = process.env["HOME"];', "only config.ts reads the environment"],
    ["engine/x.ts", "export default function x() {}", "has a default export"],
    ["engine/x.ts", 'console.log("here");', "only the command writes to the console"],
  ])("finds what is planted in %s: %s", (path, text, expected) => {
    const found = violationsOf(file(path, text));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(expected);
  });

  it("finds a file that is too long", () => {
    expect(violationsOf(file("engine/x.ts", "x\n".repeat(500)))[0]).toContain("500 are the most");
    expect(violationsOf(file("engine/x.ts", "x\n".repeat(498)))).toEqual([]);
  });

  it("finds a file that opens without saying what it promises", () => {
    expect(violationsOf([{ path: "engine/x.ts", text: 'import type { A } from "./a.ts";\n' }])).toEqual([
      "engine/x.ts: doesn't open with what it promises",
    ]);
  });

  it.each([
    ["config.ts", 'const home = process.env["HOME"];'],
    ["cli/main.ts", 'console.error("x");\nimport { openEngine } from "../embedded/engine.ts";'],
    [
      "adapters/sqlite/run-store.ts",
      'import type { RunState } from "../../engine/state.ts";\nimport { limit } from "../../engine/stores/run-store.ts";',
    ],
    ["monitor/metrics.ts", 'import type { RunState } from "../engine/state.ts";'],
    ["quality/contract.ts", 'import { z } from "zod";\nimport { sql } from "../dataset/sql.ts";'],
    [
      "embedded/engine.ts",
      'import { openRunStore } from "../adapters/sqlite/run-store.ts";\n// export default is said here only',
    ],
  ])("lets be what is allowed in %s", (path, text) => {
    expect(violationsOf(file(path, text))).toEqual([]);
  });
});
