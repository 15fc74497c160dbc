// A throwaway MariaDB for tests, from the server binaries that the machine has (Debian: apt-get install mariadb-server).
// Nothing it stores outlives `stop`.
import { execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, operatingUser, ready } from "./server-process.ts";

export interface MariadbServer {
  /** Of the database `test`, with a user that may do everything. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Why tests that need the server are skipped: a part of their titles. */
export const mariadbMissing = "SKIPPED: this machine has no MariaDB server, install it to run them";

/** Starts a server of its own; null where there are no binaries, which in CI is an error. */
export async function startMariadb(): Promise<MariadbServer | null> {
  const [daemon, install] = [binary("mariadbd"), binary("mariadb-install-db")];
  if (daemon === null || install === null) {
    if (process.env["CI"] !== undefined)
      throw new Error("CI must have MariaDB's server binaries: apt-get install mariadb-server");
    return null;
  }
  const folder = mkdtempSync(join(tmpdir(), "sluice-mariadb-"));
  const user = operatingUser("mysql", "MariaDB");
  if (user !== null) chownSync(folder, user.uid, user.gid);
  const data = join(folder, "data");
  const as = { cwd: folder, env: { PATH: process.env["PATH"], LC_ALL: "C" }, ...user };
  execFileSync(
    install,
    ["--no-defaults", `--datadir=${data}`, "--auth-root-authentication-method=normal", "--skip-test-db"],
    { ...as, stdio: "pipe" },
  );
  const port = await freePort();
  const server = spawn(
    daemon,
    [
      "--no-defaults",
      `--datadir=${data}`,
      `--port=${port}`,
      "--bind-address=127.0.0.1",
      `--socket=${join(folder, "socket")}`,
      `--pid-file=${join(folder, "pid")}`,
      `--tmpdir=${folder}`,
      // Zones by their names would need tables; an offset doesn't.
      "--default-time-zone=+08:00",
      "--innodb-flush-log-at-trx-commit=0",
      "--innodb-buffer-pool-size=64M",
      "--skip-innodb-doublewrite",
      "--skip-name-resolve",
    ],
    { ...as, stdio: ["ignore", "ignore", "pipe"] },
  );
  const onExit = (): void => void server.kill("SIGKILL");
  process.once("exit", onExit);
  await ready(server, "MariaDB", "ready for connections");
  const password = "p:w/d";
  const { createConnection } = await import("mysql2/promise");
  const root = await createConnection({ host: "127.0.0.1", port, user: "root" });
  await root.query("create database test character set utf8mb4");
  await root.query("create user sluice@'%' identified by ?", [password]);
  await root.query("grant all on *.* to sluice@'%'");
  await root.end();
  return {
    url: `mysql://sluice:${encodeURIComponent(password)}@127.0.0.1:${port}/test`,
    stop: async () => {
      process.removeListener("exit", onExit);
      if (server.exitCode === null) {
        const ended = new Promise((resolve) => server.once("exit", resolve));
        server.kill("SIGKILL");
        await ended;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function binary(name: string): string | null {
  const folders = ["/usr/sbin", ...(process.env["PATH"] ?? "").split(":")];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}
