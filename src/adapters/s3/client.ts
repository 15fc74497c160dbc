// The few requests to an S3-compatible store that Sluice makes, and what their errors mean. Large objects go in parts; nothing is
// held in memory but one part.
import { open, stat } from "node:fs/promises";
import type { Readable } from "node:stream";
import type { S3Client } from "@aws-sdk/client-s3";
import type { Connection, Setting } from "../../config.ts";
import type { S3Settings } from "../../connect/s3.ts";
import { SluiceError } from "../../errors.ts";
import { writeFile } from "../files/write-file.ts";

export interface ObjectEntry {
  readonly key: string;
  readonly bytes: number;
  /** What changes with the content. */
  readonly etag: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface Bucket {
  /** Of the bucket, for messages. */
  readonly name: string;
  /** Objects whose keys begin with `prefix`, in the order of their keys. */
  list(prefix: string): AsyncIterable<ObjectEntry>;
  /** The object's content into a file; fails when it is no longer the one that was listed. */
  download(entry: Pick<ObjectEntry, "key" | "etag">, path: string, signal: AbortSignal): Promise<void>;
  /** A file as an object, whole or not at all. */
  upload(key: string, path: string): Promise<void>;
  /** Null where there is no such object. */
  text(key: string): Promise<string | null>;
  /** Writes a new object; false where there is one. */
  create(key: string, text: string): Promise<boolean>;
  remove(key: string): Promise<void>;
}

/** Size of a part, in bytes. Files up to it are one request. */
const partBytes = 16 * 1024 * 1024;

type Package = typeof import("@aws-sdk/client-s3");

const clients = new Map<string, S3Client>();

/** The bucket of a connection. Clients are kept as long as the process: they hold connections to the store. */
export async function openBucket(
  connection: Connection,
  resolve: (setting: Setting) => string,
  role: "SOURCE" | "SINK",
): Promise<Bucket> {
  const aws = await loadPackage();
  const settings = connection.settings as unknown as S3Settings;
  const value = (setting: Setting | null): string | undefined => (setting === null ? undefined : resolve(setting));
  const [endpoint, region, sessionToken] = [
    value(settings.endpoint),
    resolve(settings.region),
    value(settings.sessionToken),
  ];
  const [accessKeyId, secretAccessKey] = [resolve(settings.accessKeyId), resolve(settings.secretAccessKey)];
  const id = JSON.stringify([endpoint, region, accessKeyId, secretAccessKey, sessionToken]);
  let client = clients.get(id);
  if (client === undefined) {
    client = new aws.S3Client({
      region,
      credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
      ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
      // Not every store knows the newer checksums; TLS and signatures stay.
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
      maxAttempts: 4,
    });
    clients.set(id, client);
  }
  return bucketOf(aws, client, resolve(settings.bucket), connection.name, role);
}

async function loadPackage(): Promise<Package> {
  try {
    return await import("@aws-sdk/client-s3");
  } catch (cause) {
    throw new SluiceError("DEPENDENCY_MISSING", "A bucket needs the package @aws-sdk/client-s3", {
      hint: "npm install @aws-sdk/client-s3",
      cause,
    });
  }
}

function bucketOf(aws: Package, client: S3Client, bucket: string, connection: string, role: "SOURCE" | "SINK"): Bucket {
  const told = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw meaning(error, `${what} (connection "${connection}")`, role);
    }
  };
  return {
    name: bucket,
    async *list(prefix) {
      let token: string | undefined;
      do {
        const page = await told(`Listing s3://${bucket}/${prefix}`, () =>
          client.send(new aws.ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token })),
        );
        for (const { Key, Size, ETag, LastModified } of page.Contents ?? [])
          yield { key: Key!, bytes: Size ?? 0, etag: ETag ?? "", at: LastModified?.getTime() ?? 0 };
        token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
      } while (token !== undefined);
    },
    download: (entry, path, signal) =>
      told(`Reading s3://${bucket}/${entry.key}`, async () => {
        const { Body, ContentLength } = await client.send(
          new aws.GetObjectCommand({ Bucket: bucket, Key: entry.key, IfMatch: entry.etag }),
          { abortSignal: signal },
        );
        await writeFile(path, Body as Readable, { signal });
        const { size } = await stat(path);
        if (size === (ContentLength ?? size)) return;
        throw new SluiceError(
          "SOURCE_UNAVAILABLE",
          `s3://${bucket}/${entry.key} came with ${size} of ${ContentLength} bytes`,
          {
            hint: "The transfer was cut off: try again.",
            retryable: true,
          },
        );
      }),
    upload: (key, path) => told(`Writing s3://${bucket}/${key}`, () => upload(aws, client, bucket, key, path)),
    text: (key) =>
      told(`Reading s3://${bucket}/${key}`, async () => {
        try {
          const { Body } = await client.send(new aws.GetObjectCommand({ Bucket: bucket, Key: key }));
          return await Body!.transformToString();
        } catch (error) {
          if ((error as Error).name === "NoSuchKey") return null;
          throw error;
        }
      }),
    create: (key, text) =>
      told(`Writing s3://${bucket}/${key}`, async () => {
        try {
          await client.send(new aws.PutObjectCommand({ Bucket: bucket, Key: key, Body: text, IfNoneMatch: "*" }));
          return true;
        } catch (error) {
          const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
          if (status === 412 || status === 409) return false;
          throw error;
        }
      }),
    remove: (key) =>
      told(`Removing s3://${bucket}/${key}`, async () => {
        await client.send(new aws.DeleteObjectCommand({ Bucket: bucket, Key: key }));
      }),
  };
}

async function upload(aws: Package, client: S3Client, bucket: string, key: string, path: string): Promise<void> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const target = { Bucket: bucket, Key: key };
    // A store takes 10,000 parts at most.
    const length = Math.max(partBytes, Math.ceil(size / 9000));
    const buffer = Buffer.alloc(Math.min(length, size));
    const part = async (start: number): Promise<Buffer> => {
      let filled = 0;
      const wanted = Math.min(length, size - start);
      while (filled < wanted) {
        const { bytesRead } = await file.read(buffer, filled, wanted - filled, start + filled);
        if (bytesRead === 0) throw new Error(`${path} became shorter while it was read`);
        filled += bytesRead;
      }
      return buffer.subarray(0, wanted);
    };
    if (size <= length) {
      await client.send(new aws.PutObjectCommand({ ...target, Body: await part(0) }));
      return;
    }
    const { UploadId } = await client.send(new aws.CreateMultipartUploadCommand(target));
    try {
      const parts: { PartNumber: number; ETag: string | undefined }[] = [];
      for (let start = 0; start < size; start += length) {
        const PartNumber = parts.length + 1;
        const { ETag } = await client.send(
          new aws.UploadPartCommand({ ...target, UploadId, PartNumber, Body: await part(start) }),
        );
        parts.push({ PartNumber, ETag });
      }
      await client.send(
        new aws.CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts: parts } }),
      );
    } catch (error) {
      await client.send(new aws.AbortMultipartUploadCommand({ ...target, UploadId })).catch(() => undefined);
      throw error;
    }
  } finally {
    await file.close();
  }
}

function meaning(error: unknown, what: string, role: "SOURCE" | "SINK"): unknown {
  if (error instanceof SluiceError || (error as Error).name === "AbortError") return error;
  const { name, message, $metadata, code } = error as Error & {
    $metadata?: { httpStatusCode?: number };
    code?: string;
  };
  if (code === "ENOSPC" || code === "ENOENT") return error;
  const status = $metadata?.httpStatusCode;
  const line = `${what} failed: ${name}${message === "" ? "" : `, ${message.split("\n", 1)[0]}`}`;
  const details = { status: status ?? null, name };
  if (name === "NoSuchBucket" || name === "NoSuchKey" || status === 404) {
    return new SluiceError(role === "SOURCE" ? "SOURCE_MISSING" : "SINK_REFUSED", line, {
      hint: "Check the bucket's name, the region and the endpoint.",
      details,
      cause: error,
    });
  }
  if (status === 412) {
    return new SluiceError("SOURCE_UNAVAILABLE", `${what} failed: the object has changed since it was listed`, {
      hint: "Try again: it is read as it is then.",
      retryable: true,
      details,
      cause: error,
    });
  }
  if (status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 429) {
    return new SluiceError(role === "SOURCE" ? "SOURCE_REFUSED" : "SINK_REFUSED", line, {
      hint: "Check the keys, and what they are allowed to do.",
      details,
      cause: error,
    });
  }
  return new SluiceError(role === "SOURCE" ? "SOURCE_UNAVAILABLE" : "SINK_UNAVAILABLE", line, {
    hint: "Check the endpoint, or try again later.",
    retryable: true,
    details,
    cause: error,
  });
}
