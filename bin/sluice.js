#!/usr/bin/env node
// Starts the command line: checks the Node version before anything is loaded that an older one can't read.
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  const here = `${process.versions.node} (${process.execPath})`;
  process.stderr.write(
    `error: Sluice needs Node 22.18 or newer; this is ${here}. Install a newer Node: https://nodejs.org\n`,
  );
  process.exitCode = 3;
} else {
  // Node says of node:sqlite and of running TypeScript that they may change; our users can do nothing about it.
  const emitWarning = process.emitWarning;
  process.emitWarning = (warning, ...rest) => {
    const type = typeof rest[0] === "object" ? rest[0]?.type : rest[0];
    if (type !== "ExperimentalWarning") emitWarning.call(process, warning, ...rest);
  };
  const { existsSync } = await import("node:fs");
  const { enableCompileCache } = await import("node:module");
  enableCompileCache();
  // A fresh clone that has not been built runs from its sources.
  const built = new URL("../dist/cli/main.js", import.meta.url);
  const { start } = await import(existsSync(built) ? built.href : new URL("../src/cli/main.ts", import.meta.url).href);
  await start();
}
