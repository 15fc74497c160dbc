// An index in one SQLite file: contents with their postings, documents as lists of places. Readers in other processes
// search while it is written; each search and each write is one transaction.
import { existsSync } from "node:fs";
import { SluiceError } from "../../errors.ts";
import { canonicalJson } from "../../json.ts";
import type {
  ChunkContent,
  IndexSettings,
  IndexSize,
  StoreQuery,
  StoreWrite,
  StoredDocument,
  StoredHit,
  VectorStore,
} from "../../retrieval/vector-store.ts";
import { openDatabase, type Database } from "./database.ts";

const migrations = [
  `
  CREATE TABLE fences (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), fence INTEGER NOT NULL) STRICT;

  CREATE TABLE generations (id INTEGER PRIMARY KEY, settings TEXT NOT NULL UNIQUE, searched INTEGER NOT NULL) STRICT;
  CREATE UNIQUE INDEX generations_searched ON generations (searched) WHERE searched = 1;

  CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    generation INTEGER NOT NULL,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    title TEXT,
    UNIQUE (generation, name)
  ) STRICT;

  CREATE TABLE contents (
    id INTEGER PRIMARY KEY,
    generation INTEGER NOT NULL,
    key TEXT NOT NULL,
    length REAL NOT NULL,
    heading TEXT NOT NULL,
    text TEXT NOT NULL,
    embedding TEXT NOT NULL,
    UNIQUE (generation, key)
  ) STRICT;
  CREATE INDEX contents_by_length ON contents (generation, length);

  CREATE TABLE chunks (
    document INTEGER NOT NULL,
    position INTEGER NOT NULL,
    content INTEGER NOT NULL,
    start_offset INTEGER NOT NULL,
    end_offset INTEGER NOT NULL,
    line INTEGER NOT NULL,
    PRIMARY KEY (document, position)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX chunks_by_content ON chunks (content);

  -- The content's length is repeated here: ranking then reads this table alone.
  CREATE TABLE postings (
    generation INTEGER NOT NULL,
    term TEXT NOT NULL,
    content INTEGER NOT NULL,
    weight REAL NOT NULL,
    length REAL NOT NULL,
    PRIMARY KEY (generation, term, content)
  ) STRICT, WITHOUT ROWID;
  `,
];

export interface VectorStoreOptions {
  /** Open an index that is there, for searching only: beside a process that syncs it, too. @default false */
  readonly readOnly?: boolean;
}

/** Opens the index in the file at `path`; creates it unless it is read only, when a missing one is NOT_FOUND. */
export function openVectorStore(path: string, { readOnly = false }: VectorStoreOptions = {}): VectorStore {
  if (readOnly && !existsSync(path)) throw neverSynced(path);
  const database = openDatabase(path, { migrations, readOnly });
  if (readOnly && count(database, "SELECT user_version AS count FROM pragma_user_version") === 0) {
    database.close();
    throw neverSynced(path);
  }
  return {
    settings: async () => {
      const row = database.prepare("SELECT settings FROM generations WHERE searched = 1").get() as
        | { settings: string }
        | undefined;
      return row === undefined ? null : (JSON.parse(row.settings) as IndexSettings);
    },
    documents: async (settings) => {
      const rows = database
        .prepare("SELECT name, hash FROM documents WHERE generation = ?")
        .all(generationOf(database, settings)) as { name: string; hash: string }[];
      return new Map(rows.map((row) => [row.name, row.hash]));
    },
    stored: async (settings, keys) => {
      const rows = database
        .prepare("SELECT key FROM contents WHERE generation = ? AND key IN (SELECT value FROM json_each(?))")
        .all(generationOf(database, settings), JSON.stringify(keys)) as { key: string }[];
      return new Set(rows.map((row) => row.key));
    },
    write: async (write) => counted(database, write.fence, () => writeAll(database, write)).written,
    finish: async (settings, fence) => {
      const { written, result } = counted(database, fence, () => finish(database, settings));
      return { written, dropped: result };
    },
    search: async (query) => database.snapshot(() => search(database, query)),
    size: async () => database.snapshot(() => size(database)),
    close: () => database.close(),
  };
}

/** Runs `work` in a write transaction of this fence, and says how many rows changed. The fence is kept with a change only. */
function counted<T>(database: Database, fence: number, work: () => T): { written: number; result: T } {
  return database.transaction(() => {
    const highest = count(database, "SELECT coalesce(max(fence), 0) AS count FROM fences");
    if (fence < highest) {
      throw new SluiceError("FENCED", `The index was written by a newer run (fence ${highest}, this one has ${fence})`);
    }
    const before = count(database, "SELECT total_changes() AS count");
    const result = work();
    const written = count(database, "SELECT total_changes() AS count") - before;
    if (written > 0 && fence > highest) database.prepare("INSERT OR REPLACE INTO fences VALUES (1, ?)").run(fence);
    return { written, result };
  });
}

function writeAll(database: Database, { settings, contents = [], documents = [], remove = [] }: StoreWrite): void {
  // Whichever comes first is searched while it is still being filled: an index that is half there beats none.
  database
    .prepare(`INSERT INTO generations (settings, searched) SELECT ?, NOT EXISTS (SELECT 1 FROM generations WHERE searched = 1)
              WHERE true ON CONFLICT DO NOTHING`)
    .run(canonicalJson(settings));
  const generation = generationOf(database, settings);
  if (contents.length > 0) writeContents(database, generation, contents);
  for (const document of documents) writeDocument(database, generation, document);
  if (remove.length === 0) return;
  const gone = "SELECT value FROM json_each(?)";
  database
    .prepare(`DELETE FROM chunks WHERE document IN (SELECT id FROM documents WHERE name IN (${gone}))`)
    .run(JSON.stringify(remove));
  database.prepare(`DELETE FROM documents WHERE name IN (${gone})`).run(JSON.stringify(remove));
}

function writeContents(database: Database, generation: number, contents: readonly ChunkContent[]): void {
  const insert = database.prepare(
    "INSERT INTO contents (generation, key, length, heading, text, embedding) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
  );
  const added: number[] = [];
  for (const {
    key,
    heading,
    text,
    embedding: { weights },
  } of contents) {
    const length = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
    const { changes, lastInsertRowid } = insert.run(
      generation,
      key,
      length,
      JSON.stringify(heading),
      text,
      JSON.stringify(Object.fromEntries(weights)),
    );
    if (changes > 0) added.push(Number(lastInsertRowid));
  }
  // In the order of the table's key: rows that come as they lie cost a fraction of rows that come at random.
  database
    .prepare(`INSERT INTO postings SELECT generation, term.key, contents.id, term.value, length
              FROM json_each(?) AS added JOIN contents ON contents.id = added.value JOIN json_each(contents.embedding) AS term
              ORDER BY term.key, contents.id`)
    .run(JSON.stringify(added));
}

function writeDocument(database: Database, generation: number, document: StoredDocument): void {
  database
    .prepare(`INSERT INTO documents (generation, name, hash, title) VALUES (?, ?, ?, ?)
              ON CONFLICT (generation, name) DO UPDATE SET hash = excluded.hash, title = excluded.title
              WHERE (hash, title) IS NOT (excluded.hash, excluded.title)`)
    .run(generation, document.id, document.hash, document.title);
  const { id } = database
    .prepare("SELECT id FROM documents WHERE generation = ? AND name = ?")
    .get(generation, document.id) as { id: number };
  const find = database.prepare("SELECT id FROM contents WHERE generation = ? AND key = ?");
  const place = database.prepare(
    `INSERT INTO chunks (document, position, content, start_offset, end_offset, line) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET content = excluded.content, start_offset = excluded.start_offset,
       end_offset = excluded.end_offset, line = excluded.line
     WHERE (content, start_offset, end_offset, line)
       IS NOT (excluded.content, excluded.start_offset, excluded.end_offset, excluded.line)`,
  );
  document.chunks.forEach((chunk, position) => {
    const content = find.get(generation, chunk.key) as { id: number } | undefined;
    if (content === undefined) {
      throw new SluiceError("INTERNAL", `Document "${document.id}" refers to a chunk that is not stored`, {
        details: { document: document.id, key: chunk.key },
      });
    }
    place.run(id, position, content.id, chunk.start, chunk.end, chunk.line);
  });
  database.prepare("DELETE FROM chunks WHERE document = ? AND position >= ?").run(id, document.chunks.length);
}

/** Returns how many contents were dropped. */
function finish(database: Database, settings: IndexSettings): number {
  writeAll(database, { settings, fence: 0 });
  const generation = generationOf(database, settings);
  const old = "SELECT id FROM generations WHERE id <> ?";
  database
    .prepare(`DELETE FROM chunks WHERE document IN (SELECT id FROM documents WHERE generation IN (${old}))`)
    .run(generation);
  database.prepare(`DELETE FROM documents WHERE generation IN (${old})`).run(generation);
  database.prepare(`DELETE FROM postings WHERE generation IN (${old})`).run(generation);
  const replaced = database.prepare(`DELETE FROM contents WHERE generation IN (${old})`).run(generation);
  database.prepare("DELETE FROM generations WHERE id <> ?").run(generation);
  database.prepare("UPDATE generations SET searched = 1 WHERE id = ? AND searched = 0").run(generation);

  const unused = "NOT EXISTS (SELECT 1 FROM chunks WHERE chunks.content = contents.id)";
  database
    .prepare(`DELETE FROM postings WHERE (generation, term, content) IN
                (SELECT generation, term.key, contents.id FROM contents, json_each(embedding) AS term WHERE ${unused})`)
    .run();
  const dropped = database.prepare(`DELETE FROM contents WHERE ${unused}`).run();
  return Number(replaced.changes) + Number(dropped.changes);
}

function search(database: Database, { settings, embedding, limit, bm25 }: StoreQuery): StoredHit[] | null {
  const generation = count(
    database,
    "SELECT id AS count FROM generations WHERE settings = ? AND searched = 1",
    canonicalJson(settings),
  );
  if (generation === 0) return null;
  const collection = database
    .prepare("SELECT count(*) AS contents, avg(length) AS averageLength FROM contents WHERE generation = ?")
    .get(generation) as { contents: number; averageLength: number | null };
  const frequencies = database
    .prepare(
      `SELECT value AS term, (SELECT count(*) FROM postings WHERE generation = ? AND term = value) AS found FROM json_each(?)`,
    )
    .all(generation, JSON.stringify([...embedding.weights.keys()])) as { term: string; found: number }[];
  const idf = frequencies
    .filter(({ found }) => found > 0)
    .map(({ term, found }) => [
      term,
      embedding.weights.get(term)! * Math.log(1 + (collection.contents - found + 0.5) / (found + 0.5)),
    ]);
  const rows = database
    .prepare(
      `WITH
         scored AS (
           SELECT content,
             sum(term.value * weight * (:k1 + 1) / (weight + :k1 * (1 - :b + :b * length / :averageLength))) AS score
           FROM json_each(:idf) AS term CROSS JOIN postings ON postings.generation = :generation AND postings.term = term.key
           GROUP BY content),
         best AS (
           SELECT documents.name AS document, title, content, score, position, start_offset AS start, end_offset AS end, line
           FROM scored JOIN chunks USING (content) JOIN documents ON documents.id = chunks.document
           ORDER BY round(score, 9) DESC, documents.name, position LIMIT :limit)
       SELECT document, title, heading, text, score, start, best.end, line FROM best JOIN contents ON contents.id = best.content
       ORDER BY round(score, 9) DESC, document, position`,
    )
    .all({
      ...bm25,
      averageLength: collection.averageLength ?? 0,
      idf: JSON.stringify(Object.fromEntries(idf)),
      generation,
      limit,
    }) as unknown as (StoredHit & { heading: string })[];
  return rows.map((row) => ({ ...row, heading: JSON.parse(row.heading as string) as string[] }));
}

function size(database: Database): IndexSize {
  const searched = "generation = (SELECT id FROM generations WHERE searched = 1)";
  return {
    documents: count(database, `SELECT count(*) AS count FROM documents WHERE ${searched}`),
    chunks: count(
      database,
      `SELECT count(*) AS count FROM chunks WHERE document IN (SELECT id FROM documents WHERE ${searched})`,
    ),
  };
}

/** 0, which no generation has, where these settings were never written. */
function generationOf(database: Database, settings: IndexSettings): number {
  return count(database, "SELECT id AS count FROM generations WHERE settings = ?", canonicalJson(settings));
}

function count(database: Database, text: string, ...values: string[]): number {
  return (database.prepare(text).get(...values) as { count: number } | undefined)?.count ?? 0;
}

function neverSynced(path: string): SluiceError {
  return new SluiceError("NOT_FOUND", `There is no index at ${path}`, {
    hint: "Run the pipeline that syncs it, then search again.",
    details: { path },
  });
}
