import { describe, expect, it } from "vitest";
import { lexical, terms } from "../../../src/retrieval/lexical.ts";
import { testEmbedder } from "../../conformance/embedder.ts";

testEmbedder({ name: "lexical", create: lexical });

const of = (text: string) => [...terms(text)];

describe("the lexical embedder", () => {
  it("takes English words by their stems, whatever their case, and leaves stop words out", () => {
    expect(of("How do I Backfill the pipelines?")).toEqual(of("backfilling PIPELINE"));
    expect(of("what is it, and why don't they?")).toEqual([]);
    expect(of("the user's runs")).toEqual(of("user run"));
  });

  it("takes no account of accents and of compatibility forms", () => {
    expect(of("Café ＦＵＬＬ ﬁle")).toEqual(of("cafe full file"));
  });

  it("takes Chinese, Japanese and Korean as characters and pairs, and words beside them as words", () => {
    expect(of("回填資料 by DuckDB版")).toEqual([
      "回",
      "填",
      "資",
      "料",
      "回填",
      "填資",
      "資料",
      "duckdb",
      "duck",
      "db",
      "版",
    ]);
    expect(of("データ")).toContain("デー");
    expect(of("파이프라인")).toContain("파이");
  });

  it("takes names in code whole and in parts", () => {
    expect(of("replacePartition")).toEqual(["replacepartit", "replac", "partit"]);
    expect(of("customer_id")).toEqual(["custom", "id"]);
    expect(of("HTTPServer")).toContain("server");
  });

  it("counts how often a term occurs", async () => {
    const [embedding] = await lexical().embed(["run, runs, running and walk"], new AbortController().signal);
    expect(embedding!.weights).toEqual(
      new Map([
        ["run", 3],
        ["walk", 1],
      ]),
    );
  });
});
