// The step kind `sync`: brings an index up to date with its documents. It embeds what changed and nothing else, replaces each
// document in one step, and loses nothing when an embedder fails: what is done stays done and the next sync goes on from there.
import { SluiceError, toFailure, type Failure } from "../errors.ts";
import { contentHash } from "../json.ts";
import type { StepContext, StepSpec } from "../pipeline/step.ts";
import type { DocumentEntry } from "./document.ts";
import { embedTexts } from "./embed-texts.ts";
import type { RetrievalIndex } from "./retrieval-index.ts";
import type { ChunkContent, StoredDocument, VectorStore } from "./vector-store.ts";

/** What sync must be handed at run time. */
export interface RetrievalNeeds {
  /** The store of the index of this name, open for writing. Whoever opened it closes it. */
  readonly vectors: (indexName: string) => Promise<VectorStore>;
}

/** What a sync found and did. */
export interface SyncReport {
  readonly documents: {
    readonly added: number;
    readonly changed: number;
    readonly unchanged: number;
    readonly removed: number;
  };
  readonly chunks: {
    /** Chunks whose text was new, and was embedded. */
    readonly embedded: number;
    /** Chunks that kept an embedding: embedded + reused = total. */
    readonly reused: number;
    /** Chunks whose text is in no document any more. */
    readonly removed: number;
    /** Chunks in the index now. */
    readonly total: number;
  };
  /** Rows written in the store, of any kind. 0 means that its file was not touched. */
  readonly writes: number;
}

/**
 * A step that brings `index` up to date. Its rows: in, the documents there are; out, those the index holds.
 *
 * A document is replaced when all its chunks are embedded, and not before. One that can't be read or embedded keeps its old
 * chunks while the others go on; the attempt then fails, and a later one takes up what is missing. With another embedder or other
 * chunk settings the whole index is built anew beside the old one, which answers until every document is there.
 *
 * ```ts
 * step("sync", sync(docs));
 * ```
 */
export function sync(index: RetrievalIndex): StepSpec<SyncReport, RetrievalNeeds> {
  if (index?.kind !== "sluice.index") {
    throw new SluiceError("DEFINITION_INVALID", "sync(…) was not given an index", {
      hint: 'Write sync(index("name", { … })).',
    });
  }
  return {
    kind: "sync",
    inputs: {},
    config: { index: index.name, documents: index.documents.description, ...index.settings },
    execute: async (context, needs) => {
      const output = await syncIndex(index, await needs.vectors(index.name), context);
      const { added, changed, unchanged, removed } = output.documents;
      const { embedded, reused } = output.chunks;
      context.log.info(
        `${index.name}: ${added} documents added, ${changed} changed, ${removed} removed; ${embedded} chunks embedded, ${reused} kept`,
        { documents: output.documents, chunks: output.chunks, writes: output.writes },
      );
      const count = added + changed + unchanged;
      return { output, rows: { in: count, out: count, duplicate: 0, quarantined: 0 }, assets: [`index.${index.name}`] };
    },
  };
}

type SyncContext = Pick<StepContext, "folder" | "fence" | "signal" | "log">;

/** A changed document, cut, with the contents it is made of. */
interface Prepared {
  readonly document: StoredDocument;
  readonly contents: readonly Omit<ChunkContent, "embedding">[];
}

const failuresInARow = 3;

/** The same for a store at hand, without a pipeline around it. */
export async function syncIndex(index: RetrievalIndex, store: VectorStore, context: SyncContext): Promise<SyncReport> {
  const { settings, embedder } = index;
  const { fence, signal } = context;
  const searched = await store.settings();
  const before = searched === null ? new Map<string, string>() : await store.documents(searched);
  const built = await store.documents(settings);
  const batchSize = Math.max(1, embedder.batch ?? 64);
  const seen = new Set<string>();
  const failures: Failure[] = [];
  let [unchanged, changed, embedded, writes, inARow] = [0, 0, 0, 0, 0];
  let pending: Prepared[] = [];

  const fail = (id: string, error: unknown): void => {
    signal.throwIfAborted();
    const failure = toFailure(error);
    if (failure.code === "FENCED" || failure.code === "DISK_FULL" || failure.code === "INTERNAL") throw error;
    failures.push(failure);
    context.log.warn(`Document "${id}" keeps its old chunks: ${failure.message}`, { document: id, code: failure.code });
  };

  /** Embeds what the store lacks of these documents, a batch per call, and replaces them. */
  const replace = async (prepared: readonly Prepared[]): Promise<void> => {
    const contents = new Map(
      prepared.flatMap((item) => item.contents.map((content) => [content.key, content] as const)),
    );
    const stored = await store.stored(settings, [...contents.keys()]);
    const missing = [...contents.values()].filter((content) => !stored.has(content.key));
    const documents = prepared.map((item) => item.document);
    let from = 0;
    do {
      const part = missing.slice(from, from + batchSize);
      const embeddings = part.length === 0 ? [] : await embedTexts(embedder, part.map(embeddedText), signal);
      from += batchSize;
      const done = part.map((content, position): ChunkContent => ({ ...content, embedding: embeddings[position]! }));
      // What was embedded is kept at once, found by no search until its document is complete: nothing is paid for twice.
      writes += await store.write({
        settings,
        fence,
        contents: done,
        documents: from < missing.length ? [] : documents,
      });
      embedded += part.length;
    } while (from < missing.length);
  };

  /** Replaces documents together; if that fails, one by one, so that only those at fault are left behind. */
  const flush = async (): Promise<void> => {
    const batch = pending;
    pending = [];
    if (batch.length === 0) return;
    try {
      await replace(batch);
      inARow = 0;
      return;
    } catch (error) {
      if (batch.length === 1) return void failed(batch[0]!, error);
      signal.throwIfAborted();
    }
    for (const item of batch) {
      await replace([item]).then(
        () => (inARow = 0),
        (error: unknown) => failed(item, error),
      );
    }
  };

  const failed = (item: Prepared, error: unknown): void => {
    fail(item.document.id, error);
    inARow += 1;
    // An embedder that answers nothing any more is not asked a thousand times.
    if (inARow >= failuresInARow) throw failureOf(failures);
  };

  for await (const entry of index.documents.list(context)) {
    seen.add(entry.id);
    if (built.get(entry.id) === entry.hash) {
      unchanged += 1;
      continue;
    }
    if (before.has(entry.id)) changed += 1;
    try {
      pending.push(await prepare(entry, index));
    } catch (error) {
      fail(entry.id, error);
    }
    if (pending.reduce((sum, item) => sum + item.contents.length, 0) >= batchSize) await flush();
  }
  await flush();

  const gone = [...new Set([...before.keys(), ...built.keys()])].filter((id) => !seen.has(id));
  if (gone.length > 0) writes += await store.write({ settings, fence, remove: gone });
  if (failures.length > 0) throw failureOf(failures);
  const end = await store.finish(settings, fence);
  const { chunks: total } = await store.size();
  return {
    documents: { added: seen.size - unchanged - changed, changed, unchanged, removed: gone.length },
    chunks: { embedded, reused: total - embedded, removed: end.dropped, total },
    writes: writes + end.written,
  };
}

async function prepare(entry: DocumentEntry, { settings }: RetrievalIndex): Promise<Prepared> {
  // Loaded here because a sync that finds nothing changed doesn't need the parser.
  const { chunkMarkdown } = await import("./chunk.ts");
  const { title, chunks } = chunkMarkdown(entry.read(), settings.maxCharacters);
  const { embedder, chunker } = settings;
  const contents = chunks.map(({ heading, text }) => ({
    key: contentHash([embedder, chunker, heading, text]),
    heading,
    text,
  }));
  const places = chunks.map(({ start, end, line }, position) => ({ key: contents[position]!.key, start, end, line }));
  return { document: { id: entry.id, hash: entry.hash, title, chunks: places }, contents };
}

/** A chunk is found by the words of its headings, too. */
function embeddedText({ heading, text }: Omit<ChunkContent, "embedding">): string {
  return heading.length === 0 ? text : `${heading.join("\n")}\n\n${text}`;
}

function failureOf(failures: readonly Failure[]): SluiceError {
  const [first] = failures;
  const others = failures.length - 1;
  return new SluiceError(first!.code, others === 0 ? first!.message : `${first!.message} (and ${others} more)`, {
    ...first!,
    retryable: failures.some((failure) => failure.retryable),
    hint: first!.hint ?? "The index keeps these documents' old chunks; the next sync tries them again.",
  });
}
