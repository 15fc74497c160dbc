// The TypeScript that pages and doc comments show is right: it passes the compiler with the project's own settings,
// and what is marked `ts run` runs and prints what its comments (`// → …`) say.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../e2e/command.ts";
import { exportedNames, fencesIn, pages } from "./pages.ts";

interface Sample {
  /** "docs/concepts.md:12" */
  readonly where: string;
  readonly code: string;
  readonly run: boolean;
}

/** The fences of pages. A fragment says in a comment above it, which readers don't see, what it takes as given. */
const inPages: Sample[] = pages().flatMap((page) =>
  page.fences
    .filter((fence) => /^(?:ts|typescript)\b/.test(fence.info))
    .map((fence) => ({
      where: `${page.path}:${fence.line}`,
      code: `${fence.given}\n${fence.text}`,
      run: /\brun\b/.test(fence.info),
    })),
);

/** What the fragments in doc comments stand in: the names that a project would have beside them. */
const surroundings: Readonly<Record<string, string>> = {
  step: `import("sluice").BuildContext["step"]`,
  partition: `import("sluice").Partition`,
  lines: `import("sluice").StepHandle<import("sluice").Dataset>`,
  clean: `import("sluice").StepHandle<import("sluice").Dataset>`,
  web: `import("sluice").StepHandle<import("sluice").Dataset>`,
  app: `import("sluice").StepHandle<import("sluice").Dataset>`,
  changes: `import("sluice").StepHandle<import("sluice").Dataset>`,
  loaded: `import("sluice").StepHandle<import("sluice").LoadResult>`,
  warehouse: `import("sluice/connect").LakeConnection`,
  shop: `import("sluice/connect").PostgresConnection`,
  catalogue: `import("sluice/connect").HttpConnection`,
  payments: `import("sluice/connect").InboxConnection`,
  github: `import("sluice/connect").SingerConnection`,
  invoiceLine: `import("sluice/quality").Contract`,
  customer: `import("sluice/features").Entity`,
  customerActivity: `import("sluice/features").FeatureView`,
  docs: `import("sluice/retrieval").RetrievalIndex`,
  store: `import("sluice/retrieval").VectorStore`,
};

/** The fences of doc comments. They are fragments; public names and the surroundings above are there without saying. */
function inComments(): Sample[] {
  const entryOf = new Map(
    exportedNames()
      .filter(({ type }) => !type)
      .map(({ name, entry }) => [name, entry]),
  );
  return readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .flatMap((path) => {
      const text = readFileSync(join(root, "src", path), "utf8");
      return [...text.matchAll(/\/\*\*[\s\S]*?\*\//g)].flatMap((comment) => {
        const line = text.slice(0, comment.index).split("\n").length;
        const fences = fencesIn(comment[0].replace(/^[ \t]*\* ?/gm, "")).filter((fence) => /^ts\b/.test(fence.info));
        return fences.map((fence) => ({
          where: `src/${path}:${line + fence.line - 1}`,
          code: `${givenFor(fence.text, entryOf)}\n${fence.text}`,
          run: /\brun\b/.test(fence.info),
        }));
      });
    });
}

function givenFor(code: string, entryOf: ReadonlyMap<string, string>): string {
  const declared = new Set(
    [...code.matchAll(/\b(?:const|let|function|import) (?:\{([^}]*)\}|\[([^\]]*)\]|(\w+))/g)].flatMap(([, ...names]) =>
      names.join(" ").split(/\W+/),
    ),
  );
  // Words inside of text and after a dot are no names of ours.
  const bare = code.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, "").replace(/\.\w+/g, "");
  const used = new Set((bare.match(/[A-Za-z_]\w*/g) ?? []).filter((name) => !declared.has(name)));
  const imports = [...used].flatMap((name) => {
    if (name === "z") return [`import { z } from "zod";`];
    const entry = entryOf.get(name);
    return entry === undefined ? [] : [`import { ${name} } from "${entry}";`];
  });
  const constants = [...used].flatMap((name) =>
    Object.hasOwn(surroundings, name) ? [`declare const ${name}: ${surroundings[name]};`] : [],
  );
  return [...imports, ...constants].join(" ");
}

describe("TypeScript in pages and doc comments", () => {
  const samples = [...inPages, ...inComments()];
  let folder: string;
  const fileOf = (sample: Sample): string => `${sample.where.replace(/[^\w.-]/g, "_")}.ts`;

  beforeAll(() => {
    mkdirSync(join(root, "test/.tmp"), { recursive: true });
    // Inside the repository, where `import … from "sluice"` finds the package as in a user's project.
    folder = mkdtempSync(join(root, "test/.tmp/docs-"));
    for (const sample of samples) writeFileSync(join(folder, fileOf(sample)), `${sample.code}\nexport {};\n`);
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ extends: "../../../tsconfig.json", include: ["*.ts"] }),
    );
    writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const compile = (): string => {
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [join(root, "node_modules/typescript/bin/tsc"), "-p", folder],
      { encoding: "utf8" },
    );
    return `${stdout}${stderr}`.trim();
  };

  it("passes the compiler", () => {
    expect(inPages.length).toBeGreaterThan(2);
    expect(samples.length - inPages.length).toBeGreaterThan(15);
    expect(compile()).toBe("");
    writeFileSync(join(folder, "wrong.ts"), `import { extract } from "sluice";\nextract(1);\n`);
    expect(compile()).toMatch(/wrong\.ts.*TS2345/);
    rmSync(join(folder, "wrong.ts"));
  });

  it.each(samples.filter((sample) => sample.run))("runs, and prints what it says: $where", (sample) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [fileOf(sample)], { cwd: folder, encoding: "utf8" });
    expect(status, stderr).toBe(0);
    const promised = [...sample.code.matchAll(/\/\/ → (.*)$/gm)].map((match) => match[1]);
    expect(promised.length).toBeGreaterThan(0);
    expect(stdout.trimEnd().split("\n")).toEqual(promised);
  });
});
