// A PostgreSQL for a peer, as durable as it comes: every commit is flushed. Its processes count as the peer's.
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Session } from "./session.ts";

export interface Postgres {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** Starts a server of its own in the session's folder. Throws where the machine has no server binaries. */
export async function startPostgres(session: Session): Promise<Postgres> {
  const binaries = binariesFolder();
  if (binaries === null)
    throw new Error("There is no PostgreSQL server on this machine: install it (Debian: postgresql)");
  const user = operatingUser();
  const folder = join(session.folder, "postgres");
  const [data, passwordFile] = [join(folder, "data"), join(folder, "password")];
  const postgres = {
    host: "127.0.0.1",
    port: await session.freePort(),
    user: "peer",
    password: "peer",
    database: "postgres",
  };
  mkdirSync(folder);
  writeFileSync(passwordFile, postgres.password, { mode: 0o600 });
  if (user !== null) for (const path of [folder, passwordFile]) chownSync(path, user.uid, user.gid);
  const options = { cwd: folder, user };
  const initialize = ["-D", data, "-U", postgres.user, "-E", "UTF8", "--no-locale", "--auth=scram-sha-256"];
  await session.finish("initdb", [join(binaries, "initdb"), ...initialize, `--pwfile=${passwordFile}`], options);
  const settings = Object.entries({
    port: postgres.port,
    listen_addresses: postgres.host,
    unix_socket_directories: folder,
    max_connections: 200,
    shared_buffers: "256MB",
    // In the data folder instead of the system's shared memory: nothing stays behind, even when it is killed.
    dynamic_shared_memory_type: "mmap",
  }).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const server = session.start("postgres", [join(binaries, "postgres"), "-D", data, ...settings], options);
  await session.ready(
    server,
    async () => server.log().includes("ready to accept connections") && (await listens(postgres)),
  );
  return postgres;
}

function listens({ host, port }: Postgres): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** The folder of the newest server's binaries. */
function binariesFolder(): string | null {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(debian, version, "bin")),
    ...(process.env["PATH"] ?? "").split(":"),
  ];
  return folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres"))) ?? null;
}

/** PostgreSQL refuses to run as root: then it runs as the system's user for it. */
function operatingUser(): { readonly uid: number; readonly gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const lines = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  const line = lines.find(([name]) => name === "postgres") ?? lines.find(([name]) => name === "nobody");
  if (line === undefined) throw new Error("There is no user `postgres` or `nobody` to run PostgreSQL as");
  return { uid: Number(line[2]), gid: Number(line[3]) };
}
