// Asks an S3-compatible store for the first object of a bucket, with the connection's credentials.
import type { ConnectionCheck } from "../../connect/connection-check.ts";
import type { S3Settings } from "../../connect/s3.ts";
import { openBucket } from "./client.ts";

/** Checks connections of the vendor "s3". */
export const checkS3: ConnectionCheck = async (connection, context) => {
  const bucket = await openBucket(connection, context.resolve, "SOURCE");
  const { accessKeyId, prefix } = connection.settings as unknown as S3Settings;
  let found = "no object";
  for await (const _entry of bucket.list(prefix)) {
    found = "objects";
    break;
  }
  const below = prefix === "" ? "" : ` below ${prefix}`;
  // What may be written there, only writing would tell.
  return {
    server: `bucket ${bucket.name}, ${found}${below}`,
    as: typeof accessKeyId === "string" ? accessKeyId : "an access key",
    reads: true,
    writes: null,
  };
};
