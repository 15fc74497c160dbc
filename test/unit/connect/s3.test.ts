// Buckets, against a server that speaks S3: the suites of sources and sinks, multipart uploads, two loads at once, and refusals.
import { createServer, type RequestListener, type Server } from "node:http";
import { readdirSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { globPattern } from "../../../src/adapters/files/glob.ts";
import { openBucket } from "../../../src/adapters/s3/client.ts";
import { s3Sink } from "../../../src/adapters/s3/sink.ts";
import { s3Files, s3Source } from "../../../src/adapters/s3/source.ts";
import { s3, type S3Connection, type S3Options } from "../../../src/connect/s3.ts";
import type { LoadRequest } from "../../../src/connect/sink.ts";
import type { Dataset } from "../../../src/dataset/dataset.ts";
import { readDataset, writeQuery } from "../../../src/dataset/write-dataset.ts";
import { testSink } from "../../conformance/sink.ts";
import { testSource } from "../../conformance/source.ts";
import { s3Missing, startS3, type S3Server } from "../../s3-server.ts";
import { fileHarness, type FileHarness } from "./file-harness.ts";
import { workbook } from "./workbook.ts";

const server: S3Server | null = await startS3();
afterAll(() => server?.stop());

describe("globs over keys", () => {
  it.each([
    ["in/*.csv", ["in/a.csv"], ["in/b/a.csv", "in/a.csvx", "xin/a.csv"]],
    ["in/**/*.csv", ["in/a.csv", "in/b/c/a.csv"], ["a.csv"]],
    ["in/**/*.{csv,csv.gz}", ["in/a.csv", "in/x/a.csv.gz"], ["in/a.gz"]],
    [
      "day=202[5-6]-0?/x.[!c]sv",
      ["day=2025-01/x.tsv"],
      ["day=2024-01/x.tsv", "day=2025-01/x.csv", "day=2025-011/x.tsv"],
    ],
    ["a+(b).csv", ["a+(b).csv"], ["aab.csv"]],
  ])("%s", (pattern, matching, others) => {
    for (const key of matching) expect(globPattern(pattern).test(key), key).toBe(true);
    for (const key of others) expect(globPattern(pattern).test(key), key).toBe(false);
  });
});

describe.skipIf(server === null)(`buckets${server === null ? ` (${s3Missing})` : ""}`, () => {
  const options: Omit<S3Options, "bucket"> = {
    endpoint: server?.endpoint ?? "",
    accessKeyId: "key",
    secretAccessKey: "secret",
  };
  let client: S3Client;
  let count = 0;
  beforeAll(() => {
    client = new S3Client({
      endpoint: options.endpoint as string,
      region: "us-east-1",
      forcePathStyle: true,
      credentials: { accessKeyId: "key", secretAccessKey: "secret" },
    });
  });
  afterAll(() => client?.destroy());
  const bucket = async (more: Partial<S3Options> = {}): Promise<S3Connection> => {
    const name = `bucket-${(count += 1)}`;
    await client.send(new CreateBucketCommand({ Bucket: name }));
    return s3({ ...options, bucket: name, ...more })("inbox");
  };
  const put = async (connection: S3Connection, key: string, body: string | Buffer): Promise<void> => {
    await client.send(new PutObjectCommand({ Bucket: String(connection.settings["bucket"]), Key: key, Body: body }));
  };

  testSource({
    name: "csv in a bucket",
    create: async () => {
      const own = await fileHarness();
      const connection = await bucket();
      const field = (value: string | null): string => (value === null ? "" : `"${value.replaceAll('"', '""')}"`);
      return {
        adapter: s3Source,
        context: own.context,
        artifactFolder: own.artifactFolder,
        holding: async (rows) => {
          const lines = ["id,label", ...rows.map((row) => `${row.id},${field(row.label)}`)];
          await put(connection, "in/rows.csv.gz", gzipSync(lines.join("\n")));
          return connection.csv("in/rows.csv.gz");
        },
        missing: async () => connection.csv("nowhere.csv"),
        dispose: own.dispose,
      };
    },
  });

  testSink({
    name: "tables in a bucket",
    writes: ["append", "replace", "replace-partition"],
    create: async () => {
      const own = await fileHarness();
      const reading = await fileHarness();
      const connection = await bucket({ prefix: "tables/" });
      return {
        adapter: s3Sink,
        table: (name) => connection.table(name),
        context: own.context,
        rows: async (table) => {
          const dataset = await s3Source(connection.table(table.name).rows(), reading.context).catch(
            (error: unknown) => {
              if ((error as { code?: string }).code === "SOURCE_MISSING") return null;
              throw error;
            },
          );
          return dataset === null
            ? []
            : (await reading.context.session()).rows(`SELECT * FROM ${readDataset(dataset)}`);
        },
        dispose: async () => {
          await own.dispose();
          await reading.dispose();
        },
      };
    },
  });

  describe("a bucket", () => {
    let own: FileHarness;
    let connection: S3Connection;
    beforeEach(async () => {
      own = await fileHarness();
      connection = await bucket();
      return () => own.dispose();
    });
    const dataset = async (query: string): Promise<Dataset> =>
      writeQuery(await own.context.session(), own.context.artifacts, query);
    const request = (data: Dataset, more: Partial<LoadRequest> = {}): LoadRequest => ({
      table: connection.table("t"),
      dataset: data,
      write: "append",
      partition: null,
      loadKey: `load-${(count += 1)}`,
      fence: count,
      ...more,
    });

    it("is read in every format, by key, by glob, and as a folder; keys may have any characters", async () => {
      await put(connection, "in/a.csv", "n\n1\n");
      await put(connection, "in/deep er/b ü+%.csv", "n\n2\n");
      await put(connection, "in/c.jsonl", '{"n":3}\n');
      await put(connection, "in/d.json", '[{"n":4}]');
      await put(connection, "in/e.xlsx", workbook({ S: [["n"], [{ number: "5" }]] }));
      await put(connection, "other/a.csv", "n\n6\n");
      const values = async (source: ReturnType<S3Connection["csv"]>): Promise<unknown[]> =>
        (await own.read(source, s3Source)).rows.map((row) => row["n"]);
      expect(await values(connection.csv("in/*.csv"))).toEqual(["1"]);
      expect(await values(connection.csv("in/"))).toEqual(["1", "2"]);
      expect(await values(connection.csv("in/deep er/b ü+%.csv"))).toEqual(["2"]);
      expect(await values(connection.jsonl("in/c.jsonl"))).toEqual(["3"]);
      expect(await values(connection.json("in/d.json"))).toEqual(["4"]);
      expect(await values(connection.excel("in/e.xlsx"))).toEqual(["5"]);
      await s3Sink.load(request(await dataset("SELECT 7 AS n")), own.context);
      expect(await values(connection.parquet("t/data/*.parquet"))).toEqual([7]);
      expect(await values(connection.csv("none/*.csv", { whenMissing: "empty", columns: { n: "n" } }))).toEqual([]);
    });

    it("rows that can't be read are set aside with the object's name", async () => {
      await put(connection, "in/a.csv", "a,b\n1,2\n3\n");
      const reading = await own.read(connection.csv("in/*.csv", { onMalformed: "quarantine" }), s3Source);
      expect(reading.rows).toEqual([{ a: "1", b: "2" }]);
      expect(reading.rejected[0]!.row).toEqual({
        file: `s3://${String(connection.settings["bucket"])}/in/a.csv`,
        line: 3,
        text: "3",
      });
    });

    it("tells new and changed objects by their tags", async () => {
      const source = connection.csv("in/*.csv");
      await put(connection, "in/a.csv", "n\n1\n");
      await put(connection, "in/b.csv", "n\n2\n");
      const first = await s3Files.list(source, new Map(), own.context);
      expect(first.map(({ name }) => name)).toEqual(["in/a.csv", "in/b.csv"]);
      await put(connection, "in/b.csv", "n\n3\n");
      await put(connection, "in/a.csv", "n\n1\n");
      const known = new Map(first.map((stamp) => [stamp.name, stamp]));
      const now = await s3Files.list(source, known, own.context);
      expect(now.filter(({ name, hash }) => known.get(name)!.hash !== hash).map(({ name }) => name)).toEqual([
        "in/b.csv",
      ]);
      expect((await s3Files.read(source, now.slice(1), own.context)).rows).toBe(1);
      await expect(s3Files.read(source, first.slice(1), own.context)).rejects.toMatchObject({
        code: "SOURCE_UNAVAILABLE",
      });
      expect(await s3Files.list(connection.csv("none/*.csv"), known, own.context)).toEqual([]);
    });

    it("a file of several parts arrives whole", async () => {
      const path = join(own.folder, "big");
      const piece = Buffer.from(Array.from({ length: 1 << 20 }, (_, index) => index % 251));
      writeFileSync(path, Buffer.concat(Array.from({ length: 35 }, () => piece)));
      const opened = await openBucket(connection, String, "SINK");
      await opened.upload("big", path);
      for await (const entry of opened.list("big")) {
        expect(entry.bytes).toBe(35 << 20);
        await opened.download(entry, `${path}.back`, own.context.signal);
      }
      const { createHash } = await import("node:crypto");
      const { readFileSync } = await import("node:fs");
      const hash = (file: string): string => createHash("sha256").update(readFileSync(file)).digest("hex");
      expect(hash(`${path}.back`)).toBe(hash(path));
    });

    it("an object that changes between listing and reading is not read as something else", async () => {
      await put(connection, "a.csv", "n\n1\n");
      const opened = await openBucket(connection, String, "SOURCE");
      const entry = (await opened.list("a.csv")[Symbol.asyncIterator]().next()).value;
      await put(connection, "a.csv", "n\n2\n");
      await expect(opened.download(entry!, join(own.folder, "x"), own.context.signal)).rejects.toMatchObject({
        code: "SOURCE_UNAVAILABLE",
        retryable: true,
      });
    });

    it.each(["csv", "jsonl"] as const)("tables can be %s, too", async (format) => {
      const own2 = await bucket({ format });
      const data = await dataset("SELECT 1 AS n, 'a\"b' AS s, 1.50::DECIMAL(9,2) AS d");
      await s3Sink.load(request(data, { table: own2.table("t") }), own.context);
      const { rows } = await own.read(own2.table("t").rows(), s3Source);
      expect(rows).toEqual([{ n: 1, s: 'a"b', d: "1.50" }]);
    });

    it("eight loads at once all arrive", async () => {
      const days = await Promise.all(Array.from({ length: 8 }, (_, day) => dataset(`SELECT ${day} AS n`)));
      await Promise.all(
        days.map((day, index) => s3Sink.load(request(day, { fence: index + 1, partition: `d${index}` }), own.context)),
      );
      const { rows } = await own.read(connection.table("t").rows(), s3Source);
      expect(rows.map((row) => row["n"]).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    });

    it("what isn't there, and what isn't allowed, is one line", async () => {
      expect(await own.failure(connection.csv("none/*.csv"), s3Source)).toMatchObject({
        code: "SOURCE_MISSING",
        message: `No file matches none/*.csv in s3://${String(connection.settings["bucket"])}`,
      });
      const nowhere = s3({ ...options, bucket: "no-such-bucket" })("inbox");
      expect(await own.failure(nowhere.csv("a.csv"), s3Source)).toMatchObject({ code: "SOURCE_MISSING" });
      expect(readdirSync(own.artifactFolder)).toEqual([]);
    });
  });
});

describe("a store that answers badly", () => {
  let own: FileHarness;
  let store: Server;
  let answer: RequestListener;
  let connection: S3Connection;
  beforeEach(async () => {
    own = await fileHarness();
    store = createServer((request, response) => answer(request, response));
    await new Promise<void>((resolve) => store.listen(0, "127.0.0.1", resolve));
    const endpoint = `http://127.0.0.1:${(store.address() as AddressInfo).port}`;
    connection = s3({ endpoint, bucket: "b", accessKeyId: "AKIAKEY", secretAccessKey: "sesame-open" })("inbox");
    return async () => {
      store.closeAllConnections();
      store.close();
      await own.dispose();
    };
  });

  it("refuses: the error says so, and shows no secret", async () => {
    answer = (_request, response) => {
      response.writeHead(403, { "content-type": "application/xml" });
      response.end("<Error><Code>SignatureDoesNotMatch</Code><Message>The signature does not match.</Message></Error>");
    };
    const error = await own.failure(connection.csv("a.csv"), s3Source);
    expect(error).toMatchObject({ code: "SOURCE_REFUSED", retryable: false });
    expect(`${error.message} ${JSON.stringify(error.details)}`).not.toContain("sesame");
  });

  it("overwrites what it should not: the first load says so", async () => {
    const objects = new Map<string, string>();
    answer = (request, response) => {
      const url = new URL(request.url!, "http://store");
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString("latin1")));
      request.on("end", () => {
        if (request.method === "PUT") {
          objects.set(url.pathname, body);
          response.writeHead(200, { etag: '"x"' }).end();
        } else if (url.searchParams.has("list-type")) {
          const prefix = `/b/${url.searchParams.get("prefix")}`;
          const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort();
          const contents = keys.map(
            (key) =>
              `<Contents><Key>${key.slice(3)}</Key><Size>1</Size><ETag>x</ETag><LastModified>2026-01-31T00:00:00Z</LastModified></Contents>`,
          );
          response.writeHead(200, { "content-type": "application/xml" });
          response.end(`<ListBucketResult><IsTruncated>false</IsTruncated>${contents.join("")}</ListBucketResult>`);
        } else response.writeHead(200).end(objects.get(url.pathname));
      });
    };
    const data = await writeQuery(await own.context.session(), own.context.artifacts, "SELECT 1 AS n");
    await expect(
      s3Sink.load(
        { table: connection.table("t"), dataset: data, write: "append", partition: null, loadKey: "k", fence: 1 },
        own.context,
      ),
    ).rejects.toMatchObject({ code: "SINK_REFUSED" });
  });
});
