// The files of a new project: those of the package's folder templates/, and the two that npm would not carry as they are.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

interface Manifest {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

/** The files of a template by path, for a package named `name`. */
export function readTemplate(template: string, name: string): ReadonlyMap<string, string> {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const { version, dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
  const manifest = {
    name,
    version: "0.0.0",
    private: true,
    type: "module",
    dependencies: { sluice: `^${version}`, zod: dependencies["zod"] },
  };
  const folder = join(root, "templates", template);
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) =>
    statSync(join(folder, path)).isFile(),
  );
  return new Map([
    ["package.json", `${JSON.stringify(manifest, null, 2)}\n`],
    [".gitignore", "node_modules/\n.sluice/\n"],
    ...paths.sort().map((path): [string, string] => [path, readFileSync(join(folder, path), "utf8")]),
  ]);
}
