// The definition of an index, as users write it: which documents, how they are cut, what makes them findable.
import { SluiceError } from "../errors.ts";
import type { Documents } from "./document.ts";
import type { Embedder } from "./embedder.ts";
import { lexical } from "./lexical.ts";
import type { IndexSettings } from "./vector-store.ts";

/** Names the version of the cutting: a change of where chunks begin and end changes it, and rebuilds every index. */
export const chunkerVersion = "markdown-1";

/** Which documents an index holds, how they are cut and embedded. */
export interface IndexOptions {
  readonly documents: Documents;
  readonly chunk?: {
    /** No chunk is longer, in UTF-16 code units. At least 100. @default 1500 */
    readonly maxCharacters?: number;
  };
  /** @default lexical() */
  readonly embedder?: Embedder;
}

/** What `index` makes: documents under a name, and all settings that decide what is stored of them. */
export interface RetrievalIndex {
  readonly kind: "sluice.index";
  readonly name: string;
  readonly documents: Documents;
  readonly embedder: Embedder;
  readonly settings: IndexSettings;
}

/**
 * Defines an index. A pipeline keeps it up to date with `sync(…)`; `sluice search NAME "…"` asks it.
 *
 * ```ts
 * export const docs = index("docs", { documents: markdown("docs/**" + "/*.md") });
 * ```
 */
export function index(name: string, options: IndexOptions): RetrievalIndex {
  if (typeof name !== "string" || !/^[a-z][a-z0-9_]{0,63}$/.test(name)) {
    throw new SluiceError("DEFINITION_INVALID", `"${name}" can't be the name of an index`, {
      hint: "Use lower-case letters, digits and _, starting with a letter, at most 64.",
    });
  }
  if (options?.documents?.kind !== "sluice.documents") {
    throw new SluiceError("DEFINITION_INVALID", `index("${name}") has no documents`, {
      hint: 'Write index("name", { documents: markdown("docs/**/*.md") }).',
    });
  }
  const maxCharacters = options.chunk?.maxCharacters ?? 1500;
  if (!Number.isSafeInteger(maxCharacters) || maxCharacters < 100) {
    throw new SluiceError("DEFINITION_INVALID", `index("${name}") has a maxCharacters of ${maxCharacters}`, {
      hint: "Give a whole number of at least 100.",
    });
  }
  const embedder = options.embedder ?? lexical();
  const settings = Object.freeze({ embedder: embedder.id, chunker: chunkerVersion, maxCharacters });
  return Object.freeze({ kind: "sluice.index", name, documents: options.documents, embedder, settings });
}
