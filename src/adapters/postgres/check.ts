// Asks a PostgreSQL server who we are there and what we may do.
import type { ConnectionCheck } from "../../connect/connection-check.ts";
import { withPostgres } from "./connection.ts";

/** Checks connections of the vendor "postgres". */
export const checkPostgres: ConnectionCheck = (connection, context) =>
  withPostgres(connection, "source", context, async (client) => {
    const { rows } = await client.query(
      `select current_setting('server_version'), current_user, current_database(),
              -- A standby, or a user or database that is set to read only.
              not pg_is_in_recovery() and current_setting('transaction_read_only') = 'off',
              has_database_privilege(current_database(), 'create')
                or exists (select from unnest(current_schemas(false)) as s (name) where has_schema_privilege(s.name, 'create'))
                or exists (select from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
                           where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema')
                             and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'insert'))`,
    );
    const [version, user, database, open, allowed] = rows[0]!;
    return {
      // "16.4 (Debian 16.4-1)": the packaging says nothing to us.
      server: `PostgreSQL ${version!.split(" ", 1)[0]!}, database ${database!}`,
      as: user!,
      reads: true,
      writes: open === "t" && allowed === "t",
    };
  });
