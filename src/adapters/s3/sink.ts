// Tables of files in a bucket: objects by their content, and a manifest per load that is created or refused. Readers go by the
// manifest; nothing else says which objects are the table.
import { randomUUID } from "node:crypto";
import { rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Connection, Setting } from "../../config.ts";
import type { S3Settings } from "../../connect/s3.ts";
import type { Sink } from "../../connect/sink.ts";
import { SluiceError } from "../../errors.ts";
import type { Manifest } from "../files-table/manifest.ts";
import { createFilesSink, type TablePlace } from "../files-table/sink.ts";
import { keptManifests, manifestName, type TableStorage } from "../files-table/storage.ts";
import { openBucket, type Bucket } from "./client.ts";

/** Objects younger than this need not be written again to be safe from being cleared away, in milliseconds. */
const freshFor = 20 * 60 * 1000;

/** Loads into tables of the vendor "s3". */
export const s3Sink: Sink = createFilesSink(({ connection, name }, context) =>
  bucketPlace(connection, name, context, "SINK"),
);

/** Where a table of the connection lies. */
export async function bucketPlace(
  connection: Connection,
  table: string,
  context: { readonly resolve: (setting: Setting) => string; readonly signal: AbortSignal },
  role: "SOURCE" | "SINK",
): Promise<TablePlace> {
  const bucket = await openBucket(connection, context.resolve, role);
  const { prefix, format } = connection.settings as unknown as S3Settings;
  const home = `${prefix}${table}/`;
  const temporary = (suffix: string): string => join(tmpdir(), `sluice-${randomUUID()}${suffix}`);
  return {
    storage: bucketStorage(bucket, home),
    format,
    temporary,
    reading: async (manifest, read) => {
      const wanted = new Set(manifest.files.map(({ name }) => name));
      const paths = new Map<string, string>();
      try {
        for await (const entry of bucket.list(`${home}data/`)) {
          const name = entry.key.slice(`${home}data/`.length);
          if (!wanted.has(name)) continue;
          const path = temporary(name.slice(name.lastIndexOf(".")));
          paths.set(name, path);
          await bucket.download(entry, path, context.signal);
        }
        return await read((name) => {
          const path = paths.get(name);
          if (path !== undefined) return path;
          throw new SluiceError(
            "SOURCE_MALFORMED",
            `s3://${bucket.name}/${home}data/${name} is gone, though manifest ${manifest.number} names it`,
            {
              hint: "Somebody else has removed it; restore it from a backup, or load the rows again.",
            },
          );
        });
      } finally {
        await Promise.all([...paths.values()].map((path) => rm(path, { force: true })));
      }
    },
  };
}

/** Buckets of which it is known that they refuse to overwrite. */
const tested = new Set<string>();

function bucketStorage(bucket: Bucket, home: string): TableStorage {
  const [data, manifests] = [`${home}data/`, `${home}manifests/`];
  const keyOf = (number: number): string => `${manifests}${manifestName(number)}`;
  return {
    latest: async () => {
      for (let tries = 0; ; tries += 1) {
        let newest: string | null = null;
        for await (const { key } of bucket.list(manifests)) if (/\/\d+\.json$/.test(key)) newest = key;
        if (newest === null) return null;
        const text = await bucket.text(newest);
        if (text !== null) return JSON.parse(text) as Manifest;
        if (tries > 10)
          throw new SluiceError("SOURCE_UNAVAILABLE", `s3://${bucket.name}/${newest} is listed, but not there`, {
            retryable: true,
          });
      }
    },
    bring: async (name, path) => {
      if ((await stat(path).catch(() => null)) === null) {
        throw new SluiceError("NOT_FOUND", `The dataset's file ${path} is gone, so it can't be loaded`, {
          hint: "Run the step that made it again.",
        });
      }
      for await (const entry of bucket.list(`${data}${name}`))
        if (entry.key === `${data}${name}` && entry.at > Date.now() - freshFor) return;
      await bucket.upload(`${data}${name}`, path);
    },
    commit: async (manifest) => {
      const [key, text] = [keyOf(manifest.number), JSON.stringify(manifest)];
      // An answer that was lost is asked for again, and then it is there: by our own hand.
      if (!(await bucket.create(key, text))) return (await bucket.text(key)) === text;
      if (!tested.has(bucket.name)) {
        if (await bucket.create(key, text)) throw overwrites(bucket.name);
        tested.add(bucket.name);
      }
      return true;
    },
    withdraw: (manifest) => bucket.remove(keyOf(manifest.number)),
    publish: async () => {},
    collect: async (manifest, grace) => {
      const held = new Set(manifest.files.map(({ name }) => name));
      for await (const { key, at } of bucket.list(data))
        if (!held.has(key.slice(data.length)) && at < Date.now() - grace) await bucket.remove(key);
      for await (const { key, at } of bucket.list(manifests)) {
        const number = Number.parseInt(key.slice(manifests.length), 10);
        if (number <= manifest.number - keptManifests && at < Date.now() - grace) await bucket.remove(key);
      }
    },
  };
}

function overwrites(bucket: string): SluiceError {
  return new SluiceError(
    "SINK_REFUSED",
    `The store of the bucket "${bucket}" overwrites an object when it is asked not to (If-None-Match)`,
    {
      hint: "Tables need a store that keeps to it: two loads at once could lose one another here. Write to another one, or to a folder.",
    },
  );
}
