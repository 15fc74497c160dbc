// A small project of its own for one test, whose files import the sources as they are: `from "sluice"` and its rooms are
// rewritten. It lies inside the repository, so that packages are found as in a user's project.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));

export interface SourceProject {
  readonly folder: string;
  readonly configPath: string;
  readonly home: string;
  write(path: string, content: string): void;
  remove(): void;
}

export function sourceProject(files: Readonly<Record<string, string>>): SourceProject {
  const parent = join(root, "test/.tmp");
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "source-"));
  const write = (path: string, content: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(
      join(folder, path),
      content.replaceAll(/from "sluice(?:\/(\w+))?"/g, (_all, room?: string) =>
        room === undefined ? `from "${root}src/index.ts"` : `from "${root}src/${room}/index.ts"`,
      ),
    );
  };
  write("sluice.config.ts", `import { defineConfig } from "sluice";\nexport default defineConfig({ workers: 2 });\n`);
  for (const [path, content] of Object.entries(files)) write(path, content);
  return {
    folder,
    configPath: join(folder, "sluice.config.ts"),
    home: join(folder, ".sluice"),
    write,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
