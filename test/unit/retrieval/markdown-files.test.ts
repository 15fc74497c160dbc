import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { markdown, type DocumentEntry, type Documents } from "../../../src/retrieval/index.ts";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "sluice [docs] "))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(path: string, content: string | Buffer): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
}

async function list(documents: Documents, from = folder): Promise<DocumentEntry[]> {
  const entries: DocumentEntry[] = [];
  for await (const entry of documents.list({ folder: from, signal: new AbortController().signal })) entries.push(entry);
  return entries;
}
const ids = async (documents: Documents, from?: string) => (await list(documents, from)).map((entry) => entry.id);

describe("Markdown files as documents", () => {
  it("are called by their path from the pattern's folder, in order", async () => {
    for (const path of ["docs/b.md", "docs/a/z.md", "docs/a.md", "docs/note.txt", "other/c.md"]) put(path, "# x");
    mkdirSync(join(folder, "docs/folder.md"));
    mkdirSync(join(folder, "examples/retail"), { recursive: true });
    expect(await ids(markdown("../../docs/**/*.md"), join(folder, "examples/retail"))).toEqual([
      "a.md",
      "a/z.md",
      "b.md",
    ]);
    expect(await ids(markdown(["docs/*.md", "other/c.md"]))).toEqual(["a.md", "b.md", "c.md"]);
    expect(await ids(markdown("./docs/{a,b}.md"))).toEqual(["a.md", "b.md"]);
  });

  it("leave out what is excluded, and count a file that two patterns find once", async () => {
    for (const path of ["docs/a.md", "docs/old/b.md", "docs/old/c.md"]) put(path, "# x");
    expect(await ids(markdown(["docs/**/*.md", "docs/old/*.md"], { exclude: "docs/old/b.md" }))).toEqual([
      "a.md",
      "old/c.md",
    ]);
  });

  it("can't share an id, unless a base folder tells them apart", async () => {
    for (const path of ["one/README.md", "two/README.md"]) put(path, "# x");
    const patterns = ["one/*.md", "two/*.md"];
    await expect(ids(markdown(patterns))).rejects.toMatchObject({
      code: "DEFINITION_INVALID",
      hint: expect.stringContaining("base"),
    });
    expect(await ids(markdown(patterns, { base: "." }))).toEqual(["one/README.md", "two/README.md"]);
  });

  it("have a hash of their bytes, and a text without byte order mark", async () => {
    put("a.md", "\uFEFF# Title\r\n");
    const [before] = await list(markdown("*.md"));
    expect(before!.read()).toEqual({ id: "a.md", title: null, text: "# Title\r\n", contentStart: 0 });
    expect((await list(markdown("*.md")))[0]!.hash).toBe(before!.hash);
    put("a.md", "# Title\n");
    expect((await list(markdown("*.md")))[0]!.hash).not.toBe(before!.hash);
  });

  it("must be there: a pattern that finds nothing is an error, and not an empty index", async () => {
    await expect(ids(markdown("dcos/**/*.md"))).rejects.toMatchObject({
      code: "SOURCE_MISSING",
      message: expect.stringContaining("dcos/**/*.md"),
    });
    expect(() => markdown([])).toThrow(expect.objectContaining({ code: "DEFINITION_INVALID" }));
  });

  it("must be UTF-8: the error names the file and the first byte that isn't", async () => {
    const cases: [Buffer, number][] = [
      [Buffer.from([0xff]), 0],
      [Buffer.concat([Buffer.from("資料 \uFFFD 🙂 "), Buffer.from([0xe8, 0xb3]), Buffer.from("x")]), 16],
      [Buffer.concat([Buffer.from("abc"), Buffer.from([0xf0, 0x9f])]), 3],
      [Buffer.concat([Buffer.from("\uFFFD\uFFFD"), Buffer.from([0xc3, 0x28])]), 6],
      [Buffer.from("caf\xe9 au lait", "latin1"), 3],
    ];
    for (const [bytes, offset] of cases) {
      put("bad.md", bytes);
      const [entry] = await list(markdown("bad.md"));
      expect(() => entry!.read()).toThrow(
        expect.objectContaining({
          code: "SOURCE_MALFORMED",
          retryable: false,
          details: expect.objectContaining({ offset }),
        }),
      );
      expect(() => entry!.read()).toThrow(/bad\.md/);
    }
  });

  it("are followed through links, and a link to nowhere is no document", async () => {
    put("real/a.md", "# x");
    mkdirSync(join(folder, "docs"));
    symlinkSync(join(folder, "real/a.md"), join(folder, "docs/linked.md"));
    symlinkSync(join(folder, "nowhere.md"), join(folder, "docs/broken.md"));
    expect(await ids(markdown("docs/*.md"))).toEqual(["linked.md"]);
  });
});
