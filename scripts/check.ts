// Everything that can be known without running a test: format, lint, types, generated docs, and whether the package
// is fit to be installed. Runs all of it and says what failed.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const checks: Readonly<Record<string, readonly string[]>> = {
  format: ["oxfmt", "--check"],
  lint: ["oxlint"],
  build: ["npm", "run", "--silent", "build"],
  types: ["tsc", "-p", "tsconfig.json"],
  docs: ["node", "scripts/generate-docs.ts", "--check"],
  exports: ["publint", "--strict"],
  "published types": ["attw", "--pack", ".", "--profile", "esm-only"],
  unused: ["knip"],
};

const root = fileURLToPath(new URL("..", import.meta.url));
const failed = Object.entries(checks).filter(([name, [command, ...args]]) => {
  console.log(`\n-- ${name}`);
  return spawnSync(command!, args, { cwd: root, stdio: "inherit" }).status !== 0;
});
console.log(failed.length === 0 ? "\nall checks passed" : `\nfailed: ${failed.map(([name]) => name).join(", ")}`);
process.exit(failed.length === 0 ? 0 : 1);
