import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLog, createRedactor, silentLog, type LogLine } from "../../../src/log.ts";

describe("a log", () => {
  it("hands on lines with their time, level and fields, redacted", () => {
    const lines: LogLine[] = [];
    const redactor = createRedactor();
    redactor.add("hunter22");
    const log = createLog(
      (line) => lines.push(line),
      () => 7,
      redactor,
    );
    log.info("signed in with hunter22", { password: "x", rows: 3 });
    log.debug("a");
    log.warn("b");
    log.error("c");
    expect(lines[0]).toEqual({
      at: 7,
      level: "info",
      message: "signed in with [redacted]",
      fields: { password: "[redacted]", rows: 3 },
    });
    expect(lines.slice(1)).toEqual([
      { at: 7, level: "debug", message: "a" },
      { at: 7, level: "warn", message: "b" },
      { at: 7, level: "error", message: "c" },
    ]);
    silentLog.error("nobody hears this");
  });
});

describe("redaction by key", () => {
  it.each([
    "password",
    "PASSWORD",
    "db_password",
    "dbPassword",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "clientSecret",
    "client-secret",
    "token",
    "accessToken",
    "refresh_token",
    "idTokens",
    "api_key",
    "apiKey",
    "apikey",
    "x-api-key",
    "accessKey",
    "aws_secret_access_key",
    "privateKey",
    "SECRET_KEY",
    "authorization",
    "Authorization",
    "proxy-authorization",
    "credentials",
    "cookie",
    "set-cookie",
  ])("hides what is under %s, at any depth", (key) => {
    expect(createRedactor().value({ list: [{ [key]: "abc", other: 1 }], [key]: { deep: true } })).toEqual({
      list: [{ [key]: "[redacted]", other: 1 }],
      [key]: "[redacted]",
    });
  });

  it.each(["tokenizer", "passwordless_hint", "secretary", "keys", "key", "monkey", "author", "partition_key"])(
    "leaves %s alone",
    (key) => {
      expect(createRedactor().value({ [key]: "abc" })).toEqual({ [key]: "abc" });
    },
  );

  it("leaves a yes, a no, a nothing, and a number of tokens", () => {
    const fields = { password: null, token: false, cookie: undefined, tokens: 512, maxTokens: 9 };
    expect(createRedactor().value(fields)).toEqual(fields);
    expect(createRedactor().value({ pwd: 1234 })).toEqual({ pwd: "[redacted]" });
  });

  it("keeps what is not a secret as it is, and makes text of dates and errors", () => {
    const redactor = createRedactor();
    redactor.add("hunter22");
    fc.assert(
      fc.property(
        fc
          .jsonValue()
          .filter((item) => !/pass|pwd|secret|token|key|auth|cred|cookie|:\/\//i.test(JSON.stringify(item))),
        (item) => void expect(redactor.value(item)).toEqual(item),
      ),
    );
    expect(redactor.value({ at: new Date(0), error: new TypeError("bad hunter22") })).toEqual({
      at: "1970-01-01T00:00:00.000Z",
      error: "TypeError: bad [redacted]",
    });
  });

  it("comes to an end on what holds itself, and shows twice what is there twice", () => {
    const loop: Record<string, unknown> = { name: "a" };
    loop["self"] = { again: loop };
    expect(createRedactor().value(loop)).toEqual({ name: "a", self: { again: "[circular]" } });
    const shared = { n: 1 };
    expect(createRedactor().value([shared, shared])).toEqual([{ n: 1 }, { n: 1 }]);
  });
});

describe("redaction by value", () => {
  it("leaves no trace of a secret, whatever it is made of and wherever it stands", () => {
    const secret = fc
      .string({ minLength: 4, unit: "grapheme" })
      .filter((text) => text.trim().length > 3 && !"[redacted]".includes(text));
    fc.assert(
      fc.property(fc.array(secret, { minLength: 1, maxLength: 4 }), fc.string(), (secrets, filler) => {
        const redactor = createRedactor();
        for (const item of secrets) redactor.add(item);
        for (const item of secrets) {
          const clean = redactor.text(`${filler} ${item} ${JSON.stringify({ item })} ?q=${encodeURIComponent(item)}`);
          expect(clean.replaceAll("[redacted]", "")).not.toContain(item);
        }
      }),
    );
  });

  it("hides the whole of a secret that begins with another", () => {
    for (const secrets of [
      ["abcd", "abcdefgh"],
      ["abcdefgh", "abcd"],
    ]) {
      const redactor = createRedactor();
      for (const secret of secrets) redactor.add(secret);
      expect(redactor.text("x abcdefgh y abcd z")).toBe("x [redacted] y [redacted] z");
    }
  });

  it("hides a secret inside JSON and inside a URL, where it is written otherwise", () => {
    const redactor = createRedactor();
    redactor.add('pa"ss w/ord');
    expect(redactor.text(JSON.stringify({ dsn: 'pa"ss w/ord' }))).toBe('{"dsn":"[redacted]"}');
    expect(redactor.text("https://x.example/?token=pa%22ss%20w%2Ford&page=2")).toBe(
      "https://x.example/?token=[redacted]&page=2",
    );
  });

  it("hides the password of a secret URL also by itself", () => {
    const redactor = createRedactor();
    redactor.add("postgres://shop:s3cr%40t@db.example/shop");
    expect(redactor.text('password "s3cr@t" (or s3cr%40t) rejected at postgres://shop:s3cr%40t@db.example/shop')).toBe(
      'password "[redacted]" (or [redacted]) rejected at [redacted]',
    );
  });

  it("does not take short strings for secrets", () => {
    const redactor = createRedactor();
    for (const short of ["", "a", "abc"]) redactor.add(short);
    expect(redactor.text("abc a")).toBe("abc a");
  });
});

describe("redaction of URLs", () => {
  it.each([
    ["postgres://shop:secret@db.example:5432/shop", "postgres://shop:[redacted]@db.example:5432/shop"],
    ["postgres://shop:s@cret@db.example/shop?x=a@b", "postgres://shop:[redacted]@db.example/shop?x=a@b"],
    ["redis://:secret@cache.example", "redis://:[redacted]@cache.example"],
    ["at HTTP://u:p@h/x and ftp://v:q@i", "at HTTP://u:[redacted]@h/x and ftp://v:[redacted]@i"],
    ['{"url":"http://u:p@h","mail":"a@b.example"}', '{"url":"http://u:[redacted]@h","mail":"a@b.example"}'],
    ["http://host:8080/path@x", "http://host:8080/path@x"],
    ["http://host:8080 mail to a@b.example", "http://host:8080 mail to a@b.example"],
    ["user@host", "user@host"],
  ])("%s", (text, expected) => {
    expect(createRedactor().text(text)).toBe(expected);
  });
});
