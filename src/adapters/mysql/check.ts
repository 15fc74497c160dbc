// Asks a MySQL or MariaDB server who we are there and what we may do.
import type { ConnectionCheck } from "../../connect/connection-check.ts";
import { withMysql } from "./connection.ts";

/** Checks connections of the vendor "mysql". */
export const checkMysql: ConnectionCheck = (connection, context) =>
  withMysql(connection, "source", context, async (client) => {
    const { rows } = await client.query("select version(), current_user(), database(), @@read_only");
    const [version, user, database, readOnly] = rows[0]!;
    // A grant of everything, or of INSERT, on the server, this database or tables of it.
    const grants = (await client.query("show grants")).rows.map(([grant]) => grant ?? "");
    const mayInsert = grants.some((grant) => /^GRANT (?:.*\bINSERT\b|ALL PRIVILEGES\b).* ON /i.test(grant));
    const name = /mariadb/i.test(version ?? "") ? "MariaDB" : "MySQL";
    return {
      server: `${name} ${version!.split("-", 1)[0]!}${database == null ? "" : `, database ${database}`}`,
      as: user!,
      reads: true,
      writes: mayInsert && readOnly !== "1",
    };
  });
