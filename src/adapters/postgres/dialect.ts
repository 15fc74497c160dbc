// How PostgreSQL writes what the statements of a load need.
import { quoteIdentifier, quoteLiteral } from "../../dataset/sql.ts";
import { standardSql, type LoadDialect } from "../sql-load/dialect.ts";

export const postgresDialect: LoadDialect = {
  ...standardSql,
  quote: quoteIdentifier,
  text: quoteLiteral,
  time: (utc) => `timestamptz '${utc}'`,
  timeText: (expression) => `(${expression})::text`,
  // json has no equality, and citext one that is blind to case.
  same: (left, right, native) =>
    /^(json|citext|xml)$/.test(native)
      ? `${left}::text is not distinct from ${right}::text`
      : `${left} is not distinct from ${right}`,
};
