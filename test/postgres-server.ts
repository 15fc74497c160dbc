// A throwaway PostgreSQL for tests, from the server binaries that the machine has (Debian: apt-get install postgresql).
// Nothing it stores outlives `stop`.
import { execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, operatingUser, ready } from "./server-process.ts";

export interface PostgresServer {
  /** Of the database `postgres`, with a user that may do everything. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Why tests that need the server are skipped: a part of their titles. */
export const postgresMissing = "SKIPPED: this machine has no PostgreSQL server, install it to run them";

/** Starts a server of its own; null where there are no binaries, which in CI is an error. */
export async function startPostgres(): Promise<PostgresServer | null> {
  const binaries = binariesFolder();
  if (binaries === null) {
    if (process.env["CI"] !== undefined)
      throw new Error("CI must have PostgreSQL's server binaries: apt-get install postgresql");
    return null;
  }
  const folder = mkdtempSync(join(tmpdir(), "sluice-postgres-"));
  const user = operatingUser("postgres", "PostgreSQL");
  const [data, passwordFile] = [join(folder, "data"), join(folder, "password")];
  const password = "p:w/d";
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (user !== null) for (const path of [folder, passwordFile]) chownSync(path, user.uid, user.gid);
  const as = { cwd: folder, env: { PATH: process.env["PATH"], LC_ALL: "C" }, ...user };
  execFileSync(
    join(binaries, "initdb"),
    [
      "-D",
      data,
      "-U",
      "sluice",
      "-E",
      "UTF8",
      "--no-locale",
      "--no-sync",
      "--auth=scram-sha-256",
      `--pwfile=${passwordFile}`,
    ],
    { ...as, stdio: "pipe" },
  );
  const port = await freePort();
  const settings = {
    port,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: folder,
    fsync: "off",
    synchronous_commit: "off",
    full_page_writes: "off",
    max_connections: 50,
    wal_level: "logical",
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const server = spawn(join(binaries, "postgres"), ["-D", data, ...options], {
    ...as,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const onExit = (): void => void server.kill("SIGQUIT");
  process.once("exit", onExit);
  await ready(server, "PostgreSQL", "ready to accept connections");
  return {
    url: `postgres://sluice:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`,
    stop: async () => {
      process.removeListener("exit", onExit);
      if (server.exitCode === null) {
        const ended = new Promise((resolve) => server.once("exit", resolve));
        server.kill("SIGQUIT");
        await ended;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The folder of the newest server's binaries. */
function binariesFolder(): string | null {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(debian, version, "bin")),
    ...(process.env["PATH"] ?? "").split(":"),
  ];
  return folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres"))) ?? null;
}
