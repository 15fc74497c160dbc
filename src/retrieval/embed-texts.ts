// One call of an embedder, with what it returns held to what it promises.
import { isSluiceError, SluiceError } from "../errors.ts";
import type { Embedder, Embedding } from "./embedder.ts";

/** Embeds `texts` in one call. An embedder's own fault is TASK_FAILED, worth another try; a SluiceError stays as it is. */
export async function embedTexts(
  embedder: Embedder,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<readonly Embedding[]> {
  signal.throwIfAborted();
  let embeddings: readonly Embedding[];
  try {
    embeddings = await embedder.embed(texts, signal);
  } catch (cause) {
    if (isSluiceError(cause) || signal.aborted) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SluiceError("TASK_FAILED", `The embedder "${embedder.id}" failed: ${reason.split("\n", 1)[0]}`, {
      retryable: true,
      cause,
    });
  }
  if (embeddings.length !== texts.length) {
    throw wrong(embedder, `returned ${embeddings.length} embeddings for ${texts.length} texts`);
  }
  for (const { weights } of embeddings) {
    for (const [term, weight] of weights) {
      if (!Number.isFinite(weight) || weight <= 0) throw wrong(embedder, `gave "${term}" the weight ${weight}`);
    }
  }
  return embeddings;
}

function wrong(embedder: Embedder, what: string): SluiceError {
  return new SluiceError("TASK_FAILED", `The embedder "${embedder.id}" ${what}`, {
    hint: "It must return one embedding per text, with finite weights above zero.",
    details: { embedder: embedder.id },
  });
}
