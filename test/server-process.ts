// What throwaway servers of tests have in common: who they run as, on which port, and when they are ready.
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";

/** Database servers refuse to run as root: then they run as the system's user for them, or as `nobody`. Null for whoever isn't root. */
export function operatingUser(user: string, server: string): { readonly uid: number; readonly gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const lines = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  const line = lines.find(([name]) => name === user) ?? lines.find(([name]) => name === "nobody");
  if (line === undefined) throw new Error(`There is no user \`${user}\` or \`nobody\` to run ${server} as`);
  return { uid: Number(line[2]), gid: Number(line[3]) };
}

export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** Resolves once the server has written `words` to its standard error. */
export function ready(process: ChildProcess, server: string, words: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = "";
    process.stderr!.setEncoding("utf8").on("data", (text: string) => {
      // Only as much as a failure to start needs.
      log = (log + text).slice(-10_000);
      if (log.includes(words)) resolve();
    });
    process.once("error", reject);
    process.once("exit", (code) => reject(new Error(`${server} ended with ${code} before it was ready:\n${log}`)));
  });
}
